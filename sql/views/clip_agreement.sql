CREATE OR REPLACE VIEW clip_agreement AS
WITH logged AS (
    SELECT run_id, step AS logged_step, value AS trainer_mean, wall_time
    FROM current_scalars
    WHERE tag = 'clip/mean' AND value IS NOT NULL
),
-- The trainer keeps one score per prompt: that of its last picture, the blank prompt's too, and
-- torchmetrics counts a negative cosine as 0.
last_pictures AS (
    SELECT
        scores.model_id,
        scores.run_id,
        scores.step,
        scores.panel,
        scores.prompt_id,
        arg_max(greatest(scores.cosine::DOUBLE, 0), scores.image_index) AS cosine,
        arg_max(scores.text_id, scores.image_index) AS text_id,
        bool_or(list_contains(images.notes, 'prompt_text_overlay')) AS has_text_overlay
    FROM latest_scores AS scores
    LEFT JOIN current_images AS images USING (run_id, step, prompt_id, image_index, panel)
    WHERE scores.panel IN ('checkpoint', 'only') OR (scores.panel = 'base' AND scores.step = 0)
    GROUP BY ALL
),
ours AS (
    SELECT
        last_pictures.model_id,
        last_pictures.run_id,
        last_pictures.step,
        last_pictures.panel,
        avg(last_pictures.cosine) AS our_mean_as_trainer,
        count(*) AS n_prompts,
        count(*) FILTER (prompts.is_blank) AS n_blank,
        count(*) FILTER (prompt_tokens.is_truncated) AS n_truncated,
        bool_or(last_pictures.has_text_overlay) AS has_text_overlay,
        lag(last_pictures.step) OVER (
            PARTITION BY last_pictures.model_id, last_pictures.run_id ORDER BY last_pictures.step
        ) AS step_before
    FROM last_pictures
    LEFT JOIN prompts USING (text_id)
    LEFT JOIN prompt_tokens USING (model_id, text_id)
    GROUP BY
        last_pictures.model_id, last_pictures.run_id, last_pictures.step, last_pictures.panel
),
-- SimpleTuner logs the scores of step N with the numbers of the next step. A log that has them at N
-- itself counts unless N is the next step of a validation before.
pairs AS (
    SELECT ours.*, logged.logged_step, logged.trainer_mean, logged.wall_time
    FROM ours
    JOIN logged
        ON ours.run_id = logged.run_id
        AND (
            logged.logged_step = ours.step + 1
            OR (
                logged.logged_step = ours.step
                AND coalesce(ours.step_before, -2) <> ours.step - 1
            )
        )
    QUALIFY row_number() OVER (
        PARTITION BY ours.model_id, ours.run_id, ours.step, ours.panel
        ORDER BY logged.logged_step DESC
    ) = 1
),
settings AS (
    SELECT
        run_id,
        any_value(raw) FILTER (key = 'pretrained_evaluation_model_name_or_path') AS trainer_model,
        any_value(number) FILTER (key = 'validation_disable_unconditional') AS without_blank
    FROM run_config
    GROUP BY run_id
),
compared AS (
    SELECT
        pairs.*,
        models.name AS model_name,
        settings.trainer_model,
        settings.without_blank,
        run_step.mean AS our_mean,
        pairs.trainer_mean - pairs.our_mean_as_trainer AS difference
    FROM pairs
    JOIN models USING (model_id)
    LEFT JOIN settings USING (run_id)
    LEFT JOIN run_step USING (model_id, run_id, step, panel)
)
SELECT
    coalesce(model_labels.model, '') AS model,
    coalesce(runs.name, '') AS run,
    compared.step,
    compared.panel,
    compared.logged_step,
    compared.trainer_mean,
    compared.our_mean_as_trainer,
    compared.difference,
    compared.our_mean,
    compared.n_prompts,
    compared.n_truncated,
    compared.trainer_model,
    CASE
        WHEN abs(compared.difference) <= 0.005 THEN 'agrees'
        WHEN string_split(lower(compared.trainer_model), '/')[-1]
            <> string_split(lower(compared.model_name), '/')[-1] THEN 'other_model'
        WHEN compared.n_blank = 0
            AND coalesce(compared.without_blank, 0) = 0
            AND compared.difference < 0
            -- At worst the blank picture scored 0.
            AND -compared.difference
                <= compared.our_mean_as_trainer / (compared.n_prompts + 1) + 0.005
            THEN 'blank_prompt_missing'
        WHEN compared.wall_time >= TIMESTAMPTZ '2024-11-18 00:00:00+00'
            AND compared.wall_time < TIMESTAMPTZ '2025-06-30 00:00:00+00'
            THEN 'trainer_scored_composites'
        WHEN compared.has_text_overlay THEN 'text_on_pictures'
        WHEN compared.n_truncated > 0 THEN 'long_prompts'
        ELSE 'unknown'
    END AS likely_cause,
    compared.model_id,
    compared.run_id
FROM compared
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id);

COMMENT ON VIEW clip_agreement IS 'The trainer''s own clip/mean beside ours, computed as the trainer computes it; one row per model, run, validation and panel that the log has a clip/mean for. All means are cosines. Within .005, half a point on the trainers'' scale, arithmetic and the step label drawn on pictures explain a difference.';
COMMENT ON COLUMN clip_agreement.model IS 'Name of the CLIP model that scored here.';
COMMENT ON COLUMN clip_agreement.run IS 'Name of the run.';
COMMENT ON COLUMN clip_agreement.step IS 'Step of the pictures; 0 for the base model.';
COMMENT ON COLUMN clip_agreement.panel IS 'Whose pictures: checkpoint, only, or base at step 0.';
COMMENT ON COLUMN clip_agreement.logged_step IS 'Step under which the log has it: SimpleTuner logs one step later.';
COMMENT ON COLUMN clip_agreement.trainer_mean IS 'The trainer''s clip/mean as cosine: what it logged, over 100.';
COMMENT ON COLUMN clip_agreement.our_mean_as_trainer IS 'Our cosines averaged as the trainer does it: one picture per prompt, the last; the blank prompt too; negative cosines as 0.';
COMMENT ON COLUMN clip_agreement.difference IS 'trainer_mean minus our_mean_as_trainer.';
COMMENT ON COLUMN clip_agreement.our_mean IS 'clip/mean as run_step has it: all pictures, without the blank prompt; NULL when only that was scored.';
COMMENT ON COLUMN clip_agreement.n_prompts IS 'Prompts in our_mean_as_trainer.';
COMMENT ON COLUMN clip_agreement.n_truncated IS 'Those of them that are longer than CLIP reads; torchmetrics pools such texts at another place than CLIP.';
COMMENT ON COLUMN clip_agreement.trainer_model IS 'CLIP model in the run''s settings; NULL when they do not say.';
COMMENT ON COLUMN clip_agreement.likely_cause IS 'agrees; other_model: the trainer scored with another one; blank_prompt_missing: its mean has the blank prompt, whose picture is not here; trainer_scored_composites: SimpleTuner 1.2 to 2.0 scored the joined panels, by the log''s time; text_on_pictures: 2.0.1 to 3.1.2 drew the prompt on the pictures; long_prompts; unknown.';
COMMENT ON COLUMN clip_agreement.model_id IS 'The model that scored here.';
COMMENT ON COLUMN clip_agreement.run_id IS 'The run.';
