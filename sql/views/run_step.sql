CREATE OR REPLACE VIEW run_step AS
SELECT
    prompt_step.model_id,
    any_value(prompt_step.model) AS model,
    prompt_step.run_id,
    any_value(prompt_step.run) AS run,
    prompt_step.step,
    prompt_step.panel,
    count(*) AS n_prompts,
    sum(prompt_step.n_images)::BIGINT AS n_images,
    avg(prompt_step.mean) AS mean,
    min(prompt_step.mean) AS min,
    max(prompt_step.mean) AS max,
    stddev_pop(prompt_step.mean) AS std,
    quantile_cont(prompt_step.mean, 0.10) AS p10,
    quantile_cont(prompt_step.mean, 0.25) AS p25,
    quantile_cont(prompt_step.mean, 0.50) AS p50,
    quantile_cont(prompt_step.mean, 0.75) AS p75,
    quantile_cont(prompt_step.mean, 0.90) AS p90,
    avg(
        (prompt_step.mean >= model_bands.band_low_cosine
         AND prompt_step.mean <= model_bands.band_high_cosine)::DOUBLE
    ) AS share_in_band,
    avg((prompt_step.mean < model_bands.poor_below_cosine)::DOUBLE) AS share_poor,
    avg(prompt_step.clip_x100) AS clip_mean_x100
FROM prompt_step
LEFT JOIN model_bands USING (model_id)
WHERE NOT prompt_step.is_blank
GROUP BY prompt_step.model_id, prompt_step.run_id, prompt_step.step, prompt_step.panel;

COMMENT ON VIEW run_step IS 'One row per model, run, step and panel: statistics over prompts, each prompt being the mean of its pictures; without the blank prompt.';
COMMENT ON COLUMN run_step.model_id IS 'The model that scored.';
COMMENT ON COLUMN run_step.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN run_step.run_id IS 'The run.';
COMMENT ON COLUMN run_step.run IS 'Name of the run.';
COMMENT ON COLUMN run_step.step IS 'Optimizer step; 0 for pictures of the base model.';
COMMENT ON COLUMN run_step.panel IS 'Whose pictures: checkpoint, ema, base, or only. Panels never mix.';
COMMENT ON COLUMN run_step.n_prompts IS 'Prompts that count.';
COMMENT ON COLUMN run_step.n_images IS 'Pictures of these prompts.';
COMMENT ON COLUMN run_step.mean IS 'clip/mean as cosine: pictures averaged per prompt, then prompts averaged.';
COMMENT ON COLUMN run_step.min IS 'Lowest prompt.';
COMMENT ON COLUMN run_step.max IS 'Highest prompt.';
COMMENT ON COLUMN run_step.std IS 'Standard deviation over prompts (population).';
COMMENT ON COLUMN run_step.p10 IS '10 % of the prompts are below.';
COMMENT ON COLUMN run_step.p25 IS '25 % of the prompts are below.';
COMMENT ON COLUMN run_step.p50 IS 'Median over prompts.';
COMMENT ON COLUMN run_step.p75 IS '75 % of the prompts are below.';
COMMENT ON COLUMN run_step.p90 IS '90 % of the prompts are below.';
COMMENT ON COLUMN run_step.share_in_band IS 'Share of the prompts from band_low_cosine to band_high_cosine of the model; NULL for a model without a band.';
COMMENT ON COLUMN run_step.share_poor IS 'Share of the prompts under poor_below_cosine of the model; NULL for a model without a band.';
COMMENT ON COLUMN run_step.clip_mean_x100 IS 'clip/mean on the scale that trainers log: mean of 100 * max(cosine, 0).';
