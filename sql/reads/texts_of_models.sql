-- Every text and what is to be known of it, for each model.
SELECT
    model_labels.model,
    prompt_texts.text_id,
    prompt_texts.text,
    coalesce(prompt_tokens.is_truncated, false) AS is_truncated,
    prompt_texts.asks_for_words
FROM prompt_texts
CROSS JOIN model_labels
LEFT JOIN prompt_tokens USING (model_id, text_id)
ORDER BY model, text_id;
