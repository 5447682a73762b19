-- The differences that are stored, as the table has them.
SELECT * FROM run_differences ORDER BY model_id, selection, changed_rules, run_a_id, run_b_id;
