-- The best checkpoints that are stored, as the table has them.
SELECT * FROM best_checkpoints ORDER BY model_id, run_id, changed_rules;
