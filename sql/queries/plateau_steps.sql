-- Which validations look flat: from which step on the mean stays within `tolerance` (default
-- 0.003) of the mean of the last quarter of the run. Runs need 4 validations. `clipstore verdict`
-- says how sure that is.
WITH steps AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY model_id, run_id, panel ORDER BY step DESC) AS from_end,
        count(*) OVER (PARTITION BY model_id, run_id, panel) AS n_steps
    FROM run_step
    WHERE panel IN ('checkpoint', 'only')
      AND ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
),
levels AS (
    SELECT
        *,
        avg(mean) FILTER (from_end <= greatest(2, n_steps // 4))
            OVER (PARTITION BY model_id, run_id, panel) AS level
    FROM steps
    WHERE n_steps >= 4
),
ends AS (
    SELECT
        *,
        max(CASE WHEN abs(mean - level) > coalesce($tolerance::DOUBLE, 0.003) THEN step END)
            OVER (PARTITION BY model_id, run_id, panel) AS last_step_off_level
    FROM levels
)
SELECT model, run, panel, step, n_prompts, mean, level, mean - level AS off_level
FROM ends
WHERE step > coalesce(last_step_off_level, -1)
ORDER BY model, run, panel, step;
