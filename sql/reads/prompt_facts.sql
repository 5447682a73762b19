-- One row per model, run and prompt text with a score in these runs: what is known of it besides the
-- scores. The tags are those of the newest row of its prompt id.
SELECT DISTINCT
    scored.model_id,
    scored.run_id,
    scored.prompt_id,
    scored.text_id,
    coalesce(prompt_texts.text, '') AS text,
    coalesce(named.tags, '{}') AS tags,
    coalesce(prompt_tokens.is_truncated, false) AS is_truncated,
    coalesce(prompt_texts.asks_for_words, false) AS asks_for_words
FROM latest_scores AS scored
LEFT JOIN prompt_texts USING (text_id)
LEFT JOIN prompt_tokens USING (model_id, text_id)
LEFT JOIN (
    SELECT run_id, prompt_id, tags
    FROM run_prompts
    QUALIFY row_number() OVER (PARTITION BY run_id, prompt_id ORDER BY seen_at DESC, tags) = 1
) AS named USING (run_id, prompt_id)
WHERE list_contains($run_ids::BIGINT[], scored.run_id)
ORDER BY ALL;
