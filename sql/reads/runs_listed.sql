-- What `clipstore runs` shows: one row per run and model, of the pictures being trained; runs
-- without a score too. `means` (by step) and the band's edges become the column `curve`.
SELECT
    runs.name AS run,
    summary.model,
    coalesce(summary.n_steps, 0) AS validations,
    summary.last_step,
    runs.planned_steps,
    summary.n_prompts AS prompts,
    coalesce(summary.n_images, 0) AS pictures,
    round(summary.last_mean, 4) AS "clip/mean",
    curves.means,
    round(summary.last_share_in_band, 2) AS share_in_band,
    round(summary.base_mean, 4) AS base_mean,
    coalesce(problems.n_files, 0) AS not_scored,
    runs.layout,
    runs.root,
    model_bands.poor_below_cosine,
    model_bands.band_low_cosine,
    model_bands.band_high_cosine
FROM runs
LEFT JOIN (
    SELECT * FROM run_summary WHERE panel IN ('checkpoint', 'only')
) AS summary USING (run_id)
LEFT JOIN (
    SELECT model_id, run_id, panel, list(mean ORDER BY step) AS means
    FROM run_step
    GROUP BY model_id, run_id, panel
) AS curves USING (model_id, run_id, panel)
LEFT JOIN model_bands USING (model_id)
LEFT JOIN (
    SELECT run_id, sum(n_files)::BIGINT AS n_files FROM problem_summary GROUP BY run_id
) AS problems USING (run_id)
ORDER BY runs.name, summary.model, summary.panel;
