CREATE OR REPLACE VIEW prompt_summary AS
WITH per_prompt AS (
    SELECT
        model_id,
        any_value(model) AS model,
        run_id,
        any_value(run) AS run,
        panel,
        prompt_id,
        text_id,
        any_value(is_blank) AS is_blank,
        count(*) AS n_steps,
        sum(n_images)::BIGINT AS n_images,
        avg(mean) AS mean,
        min(mean) AS min,
        max(mean) AS max,
        arg_min(mean, step) AS first_mean,
        arg_max(mean, step) AS last_mean,
        arg_max(mean, step) - arg_min(mean, step) AS change,
        max(step) AS last_step
    FROM prompt_step
    GROUP BY model_id, run_id, panel, prompt_id, text_id
)
SELECT
    per_prompt.*,
    prompt_texts.text,
    prompt_tokens.token_count,
    prompt_tokens.is_truncated,
    prompt_texts.asks_for_words
FROM per_prompt
LEFT JOIN prompt_texts USING (text_id)
LEFT JOIN prompt_tokens USING (model_id, text_id);

COMMENT ON VIEW prompt_summary IS 'One row per model, run, panel and prompt text: its scores over the whole run.';
COMMENT ON COLUMN prompt_summary.model_id IS 'The model that scored.';
COMMENT ON COLUMN prompt_summary.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN prompt_summary.run_id IS 'The run.';
COMMENT ON COLUMN prompt_summary.run IS 'Name of the run.';
COMMENT ON COLUMN prompt_summary.panel IS 'Whose pictures: checkpoint, ema, base, or only. Panels never mix.';
COMMENT ON COLUMN prompt_summary.prompt_id IS 'The trainer''s short name of the prompt.';
COMMENT ON COLUMN prompt_summary.text_id IS 'This version of the prompt text.';
COMMENT ON COLUMN prompt_summary.is_blank IS 'True for the unconditional prompt, which is part of no mean.';
COMMENT ON COLUMN prompt_summary.n_steps IS 'Validations with this prompt.';
COMMENT ON COLUMN prompt_summary.n_images IS 'Its pictures.';
COMMENT ON COLUMN prompt_summary.mean IS 'Mean over validations of the mean cosine of its pictures.';
COMMENT ON COLUMN prompt_summary.min IS 'Lowest validation.';
COMMENT ON COLUMN prompt_summary.max IS 'Highest validation.';
COMMENT ON COLUMN prompt_summary.first_mean IS 'Mean cosine at its first validation.';
COMMENT ON COLUMN prompt_summary.last_mean IS 'Mean cosine at its last validation.';
COMMENT ON COLUMN prompt_summary.change IS 'Last minus first.';
COMMENT ON COLUMN prompt_summary.last_step IS 'Its last validation.';
COMMENT ON COLUMN prompt_summary.text IS 'The prompt.';
COMMENT ON COLUMN prompt_summary.token_count IS 'Tokens of the whole text.';
COMMENT ON COLUMN prompt_summary.is_truncated IS 'True when the model saw only the beginning of the text.';
COMMENT ON COLUMN prompt_summary.asks_for_words IS 'True when the picture shall show written words; see prompt_texts.';
