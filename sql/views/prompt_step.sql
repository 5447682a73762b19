CREATE OR REPLACE VIEW prompt_step AS
WITH means AS (
    SELECT
        model_id,
        run_id,
        step,
        panel,
        prompt_id,
        text_id,
        count(*) AS n_images,
        avg(cosine::DOUBLE) AS mean,
        avg(100 * greatest(cosine::DOUBLE, 0)) AS clip_x100
    FROM latest_scores
    GROUP BY model_id, run_id, step, panel, prompt_id, text_id
)
SELECT
    means.model_id,
    coalesce(model_labels.model, '') AS model,
    means.run_id,
    coalesce(runs.name, '') AS run,
    means.step,
    means.panel,
    means.prompt_id,
    means.text_id,
    coalesce(prompt_texts.is_blank, false) AS is_blank,
    prompt_tokens.is_truncated,
    prompt_texts.asks_for_words,
    means.n_images,
    means.mean,
    means.clip_x100
FROM means
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id)
LEFT JOIN prompt_texts USING (text_id)
LEFT JOIN prompt_tokens USING (model_id, text_id);

COMMENT ON VIEW prompt_step IS 'One row per model, run, step, panel and prompt: the mean over its pictures. The blank prompt is here, but in no mean over prompts.';
COMMENT ON COLUMN prompt_step.model_id IS 'The model that scored.';
COMMENT ON COLUMN prompt_step.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN prompt_step.run_id IS 'The run.';
COMMENT ON COLUMN prompt_step.run IS 'Name of the run.';
COMMENT ON COLUMN prompt_step.step IS 'Optimizer step; 0 for pictures of the base model.';
COMMENT ON COLUMN prompt_step.panel IS 'Whose pictures: checkpoint, ema, base, or only. Panels never mix.';
COMMENT ON COLUMN prompt_step.prompt_id IS 'The trainer''s short name of the prompt.';
COMMENT ON COLUMN prompt_step.text_id IS 'This version of the prompt text.';
COMMENT ON COLUMN prompt_step.is_blank IS 'True for the unconditional prompt, which is part of no mean.';
COMMENT ON COLUMN prompt_step.is_truncated IS 'True when the model saw only the beginning of the text; NULL when nobody counted its tokens.';
COMMENT ON COLUMN prompt_step.asks_for_words IS 'True when the picture shall show written words; see prompt_texts.';
COMMENT ON COLUMN prompt_step.n_images IS 'Pictures of this prompt at this step.';
COMMENT ON COLUMN prompt_step.mean IS 'Mean cosine over these pictures.';
COMMENT ON COLUMN prompt_step.clip_x100 IS 'Mean of 100 * max(cosine, 0) over these pictures, the scale that trainers log.';
