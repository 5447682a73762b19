-- Between which neighbouring validations the score moved most, paired by prompt: only prompts
-- that both have. `rows` of them over all runs (default 20); `standard_error` is that of
-- mean_change for these prompts.
WITH steps AS (
    SELECT
        *,
        lag(step) OVER (PARTITION BY model_id, run_id, panel ORDER BY step) AS before
    FROM (SELECT DISTINCT model_id, run_id, panel, step FROM prompt_step)
    WHERE panel IN ('checkpoint', 'only')
),
pairs AS (
    SELECT later.*, steps.before AS from_step, later.mean - earlier.mean AS change
    FROM steps
    JOIN prompt_step AS later USING (model_id, run_id, panel, step)
    JOIN prompt_step AS earlier
        ON earlier.model_id = later.model_id
        AND earlier.run_id = later.run_id
        AND earlier.panel = later.panel
        AND earlier.step = steps.before
        AND earlier.prompt_id = later.prompt_id
        AND earlier.text_id = later.text_id
    WHERE NOT later.is_blank
      AND ($run::VARCHAR IS NULL OR later.run = $run::VARCHAR)
)
SELECT
    model,
    run,
    panel,
    from_step,
    step AS to_step,
    count(*) AS n_prompts,
    avg(change) AS mean_change,
    stddev_samp(change) / sqrt(count(*)) AS standard_error,
    avg((change > 0)::DOUBLE) AS share_up
FROM pairs
GROUP BY model_id, model, run_id, run, panel, from_step, step
ORDER BY abs(mean_change) DESC, run, panel, to_step
LIMIT coalesce($rows::BIGINT, 20);
