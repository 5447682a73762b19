-- The newest stored verdict of each run and model, as the table has it.
SELECT *
FROM verdicts
QUALIFY row_number() OVER (PARTITION BY model_id, run_id ORDER BY judged_at DESC, verdict) = 1
ORDER BY model_id, run_id;
