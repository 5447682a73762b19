CREATE OR REPLACE VIEW run_summary AS
WITH per_panel AS (
    SELECT
        model_id,
        any_value(model) AS model,
        run_id,
        any_value(run) AS run,
        panel,
        count(*) AS n_steps,
        min(step) AS first_step,
        max(step) AS last_step,
        arg_max(n_prompts, step) AS n_prompts,
        sum(n_images)::BIGINT AS n_images,
        arg_min(mean, step) AS first_mean,
        arg_max(mean, step) AS last_mean,
        arg_max(mean, step) - arg_min(mean, step) AS change,
        arg_max(step, mean) AS best_step,
        max(mean) AS best_mean,
        arg_max(share_in_band, step) AS last_share_in_band,
        arg_max(share_poor, step) AS last_share_poor,
        arg_max(clip_mean_x100, step) AS last_clip_mean_x100
    FROM run_step
    GROUP BY model_id, run_id, panel
),
base AS (
    SELECT model_id, run_id, last_mean AS base_mean FROM per_panel WHERE panel = 'base'
)
SELECT
    per_panel.*,
    base.base_mean,
    runs.planned_steps,
    runs.layout,
    runs.root
FROM per_panel
LEFT JOIN base USING (model_id, run_id)
LEFT JOIN runs USING (run_id);

COMMENT ON VIEW run_summary IS 'One row per model, run and panel: first, last and best validation.';
COMMENT ON COLUMN run_summary.model_id IS 'The model that scored.';
COMMENT ON COLUMN run_summary.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN run_summary.run_id IS 'The run.';
COMMENT ON COLUMN run_summary.run IS 'Name of the run.';
COMMENT ON COLUMN run_summary.panel IS 'Whose pictures: checkpoint, ema, base, or only. Panels never mix.';
COMMENT ON COLUMN run_summary.n_steps IS 'Validations.';
COMMENT ON COLUMN run_summary.first_step IS 'First validation.';
COMMENT ON COLUMN run_summary.last_step IS 'Last validation.';
COMMENT ON COLUMN run_summary.n_prompts IS 'Prompts that count at the last validation.';
COMMENT ON COLUMN run_summary.n_images IS 'Pictures of all validations.';
COMMENT ON COLUMN run_summary.first_mean IS 'Mean cosine at the first validation.';
COMMENT ON COLUMN run_summary.last_mean IS 'Mean cosine at the last validation.';
COMMENT ON COLUMN run_summary.change IS 'Last minus first mean; not paired by prompt.';
COMMENT ON COLUMN run_summary.best_step IS 'Validation with the highest mean.';
COMMENT ON COLUMN run_summary.best_mean IS 'The highest mean.';
COMMENT ON COLUMN run_summary.last_share_in_band IS 'Share of the prompts in the band at the last validation; NULL for a model without a band.';
COMMENT ON COLUMN run_summary.last_share_poor IS 'Share of poor prompts at the last validation; NULL for a model without a band.';
COMMENT ON COLUMN run_summary.last_clip_mean_x100 IS 'clip/mean at the last validation on the scale that trainers log.';
COMMENT ON COLUMN run_summary.base_mean IS 'Mean cosine of the base model on its own pictures in this run; NULL without base pictures.';
COMMENT ON COLUMN run_summary.planned_steps IS 'Optimizer steps that the config asks for; NULL when unknown.';
COMMENT ON COLUMN run_summary.layout IS 'Which reader recognised the run.';
COMMENT ON COLUMN run_summary.root IS 'The run folder.';
