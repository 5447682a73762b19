-- Which validations of each run cannot be told from its best one: the checkpoints to choose from.
-- best_step is empty where the highest mean may lie in the band, where no checkpoint is ahead, and in
-- runs too short to compare. By the usual rules.
SELECT model, run, best_step, n_steps, n_validations, steps, is_stale, judged_at
FROM current_best_checkpoints
WHERE changed_rules IS NULL
  AND ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
ORDER BY model, run;
