CREATE OR REPLACE VIEW latest_scores AS
SELECT *
FROM scores
QUALIFY row_number() OVER (
    PARTITION BY model_id, run_id, step, prompt_id, image_index, panel
    ORDER BY scored_at DESC, crop_id, text_id
) = 1;

COMMENT ON VIEW latest_scores IS 'The score that holds for each model, run, step, prompt, image and panel: the newest. Identities only; current_scores has the names.';
COMMENT ON COLUMN latest_scores.model_id IS 'The model that scored.';
COMMENT ON COLUMN latest_scores.run_id IS 'The run.';
COMMENT ON COLUMN latest_scores.step IS 'Optimizer step; 0 for pictures of the base model.';
COMMENT ON COLUMN latest_scores.prompt_id IS 'The trainer''s short name of the prompt.';
COMMENT ON COLUMN latest_scores.image_index IS 'Which of several pictures of this prompt at this step, from 0.';
COMMENT ON COLUMN latest_scores.panel IS 'Whose pictures: checkpoint, ema, base, or only. Panels never mix.';
COMMENT ON COLUMN latest_scores.text_id IS 'This version of the prompt text.';
COMMENT ON COLUMN latest_scores.crop_id IS 'The pixels that were scored.';
COMMENT ON COLUMN latest_scores.cosine IS 'Cosine of picture and text vector, -1 to 1.';
COMMENT ON COLUMN latest_scores.ingest_id IS 'The ingest that scored it.';
COMMENT ON COLUMN latest_scores.scored_at IS 'When it was scored.';
