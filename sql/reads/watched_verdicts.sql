-- The newest verdict of each run and model by the usual rules, as far as a line about it goes.
SELECT model, run, verdict, reason, sentence, last_step, level, location, status, planned_steps
FROM current_verdicts
WHERE changed_rules IS NULL
ORDER BY run, model;
