-- Every run against its own base model's pictures, then every two runs; differences are run_a minus
-- run_b, with the 95 % interval of each pair. Groups are largest sets of runs of which no two are
-- ordered.
SELECT
    model,
    run_a,
    run_b,
    verdict,
    difference,
    low,
    high,
    p_holm,
    n_prompts,
    reason,
    wanted_difference,
    alpha,
    n_runs,
    is_stale
FROM current_differences
WHERE changed_rules IS NOT DISTINCT FROM $changed_compare_rules::VARCHAR
  AND selection IS NOT DISTINCT FROM $selection::VARCHAR
ORDER BY model, run_b_id IS NOT NULL, run_a, run_b;
