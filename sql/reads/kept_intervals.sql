-- The intervals that are stored, as the table has them.
SELECT * FROM step_intervals ORDER BY model_id, run_id, changed_rules, step;
