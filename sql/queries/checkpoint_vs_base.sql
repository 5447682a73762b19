-- Trained pictures against the base model's, paired by prompt, at every validation. `share_up` is
-- the share of prompts that got a higher cosine; `standard_error` is that of mean_change for
-- these prompts.
WITH base AS (
    SELECT model_id, run_id, prompt_id, text_id, mean
    FROM prompt_step
    WHERE panel = 'base'
    QUALIFY row_number() OVER (
        PARTITION BY model_id, run_id, prompt_id, text_id ORDER BY step DESC
    ) = 1
)
SELECT
    trained.model,
    trained.run,
    trained.panel,
    trained.step,
    count(*) AS n_prompts,
    avg(base.mean) AS base_mean,
    avg(trained.mean) AS trained_mean,
    avg(trained.mean - base.mean) AS mean_change,
    stddev_samp(trained.mean - base.mean) / sqrt(count(*)) AS standard_error,
    avg((trained.mean > base.mean)::DOUBLE) AS share_up
FROM prompt_step AS trained
JOIN base USING (model_id, run_id, prompt_id, text_id)
WHERE trained.panel IN ('checkpoint', 'only')
  AND NOT trained.is_blank
  AND ($run::VARCHAR IS NULL OR trained.run = $run::VARCHAR)
GROUP BY trained.model_id, trained.model, trained.run_id, trained.run, trained.panel, trained.step
ORDER BY trained.model, trained.run, trained.panel, trained.step;
