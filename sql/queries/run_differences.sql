-- Which runs differ, paired by prompt, as the last `clipstore report` of all runs compared them: each
-- run beside every other and beside its base model, with the 95 % interval of the difference. Only
-- pairs with this `verdict`, such as higher (default: all). is_stale marks comparisons that do not
-- know the newest scores. By the usual rules.
WITH both_ways AS (
    SELECT
        model, run_a AS run, run_b AS than_run, verdict, difference, low, high, p_holm, n_prompts,
        reason, is_stale, compared_at
    FROM current_differences
    WHERE changed_rules IS NULL AND selection IS NULL
    UNION ALL
    SELECT
        model,
        run_b,
        run_a,
        CASE verdict WHEN 'higher' THEN 'lower' WHEN 'lower' THEN 'higher' ELSE verdict END,
        -difference,
        -high,
        -low,
        p_holm,
        n_prompts,
        reason,
        is_stale,
        compared_at
    FROM current_differences
    WHERE changed_rules IS NULL AND selection IS NULL AND run_b_id IS NOT NULL
)
SELECT *
FROM both_ways
WHERE ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
  AND ($verdict::VARCHAR IS NULL OR verdict = $verdict::VARCHAR)
ORDER BY model, run, than_run <> 'base model', than_run;
