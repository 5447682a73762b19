-- The newest stored verdict of each run, model and set of constants, as the table has it.
SELECT *
FROM verdicts
QUALIFY row_number()
    OVER (PARTITION BY model_id, run_id, changed_rules ORDER BY judged_at DESC, verdict) = 1
ORDER BY model_id, run_id, changed_rules;
