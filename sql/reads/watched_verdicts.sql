-- The newest verdict of each run and model, as far as a line about it goes.
SELECT model, run, verdict, reason, sentence, last_step, level, location, status, planned_steps
FROM current_verdicts
ORDER BY run, model;
