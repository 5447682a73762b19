CREATE OR REPLACE VIEW current_scores AS
SELECT
    coalesce(model_labels.model, '') AS model,
    coalesce(runs.name, '') AS run,
    latest_scores.step,
    current_images.epoch,
    latest_scores.prompt_id,
    prompt_texts.text,
    latest_scores.image_index,
    latest_scores.panel,
    latest_scores.cosine,
    coalesce(prompt_texts.is_blank, false) AS is_blank,
    prompt_tokens.token_count,
    prompt_tokens.is_truncated,
    prompt_texts.asks_for_words,
    current_images.path,
    current_images.notes,
    try_cast(
        regexp_extract(array_to_string(current_images.notes, ' '), 'mean_of_(\d+)_of_', 1)
        AS BIGINT
    ) AS n_frames,
    latest_scores.model_id,
    latest_scores.run_id,
    latest_scores.text_id,
    latest_scores.crop_id,
    latest_scores.ingest_id,
    latest_scores.scored_at
FROM latest_scores
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id)
LEFT JOIN prompt_texts USING (text_id)
LEFT JOIN prompt_tokens USING (model_id, text_id)
LEFT JOIN current_images USING (run_id, step, prompt_id, image_index, panel);

COMMENT ON VIEW current_scores IS 'Every score that holds, readable: one row per model, picture and panel.';
COMMENT ON COLUMN current_scores.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN current_scores.run IS 'Name of the run.';
COMMENT ON COLUMN current_scores.step IS 'Optimizer step; 0 for pictures of the base model.';
COMMENT ON COLUMN current_scores.epoch IS 'Epoch where the trainer says it, else NULL.';
COMMENT ON COLUMN current_scores.prompt_id IS 'The trainer''s short name of the prompt.';
COMMENT ON COLUMN current_scores.text IS 'The prompt.';
COMMENT ON COLUMN current_scores.image_index IS 'Which of several pictures of this prompt at this step, from 0.';
COMMENT ON COLUMN current_scores.panel IS 'Whose pictures: checkpoint, ema, base, or only. Panels never mix.';
COMMENT ON COLUMN current_scores.cosine IS 'Cosine of picture and text vector, -1 to 1. Trainers log 100 times this.';
COMMENT ON COLUMN current_scores.is_blank IS 'True for the unconditional prompt, which is part of no mean.';
COMMENT ON COLUMN current_scores.token_count IS 'Tokens of the whole text.';
COMMENT ON COLUMN current_scores.is_truncated IS 'True when the model saw only the beginning of the text.';
COMMENT ON COLUMN current_scores.asks_for_words IS 'True when the picture shall show written words; see prompt_texts.';
COMMENT ON COLUMN current_scores.path IS 'The file, relative to the root of the run; NULL for scores that were imported.';
COMMENT ON COLUMN current_scores.notes IS 'Facts that touch the score, for example label_overlay.';
COMMENT ON COLUMN current_scores.n_frames IS 'Of a video: the frames whose mean cosine this is; NULL for a still picture.';
COMMENT ON COLUMN current_scores.model_id IS 'The model that scored.';
COMMENT ON COLUMN current_scores.run_id IS 'The run.';
COMMENT ON COLUMN current_scores.text_id IS 'This version of the prompt text.';
COMMENT ON COLUMN current_scores.crop_id IS 'The pixels that were scored.';
COMMENT ON COLUMN current_scores.ingest_id IS 'The ingest that scored it.';
COMMENT ON COLUMN current_scores.scored_at IS 'When it was scored.';
