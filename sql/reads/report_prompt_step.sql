-- Means per prompt for the report's cards: blank prompts left out.
SELECT
    prompt_step.*,
    prompt_step.mean AS cosine,
    prompts.text,
    coalesce(prompt_tokens.is_truncated, false) AS is_truncated
FROM prompt_step
LEFT JOIN prompts USING (text_id)
LEFT JOIN prompt_tokens USING (model_id, text_id)
WHERE NOT prompt_step.is_blank AND prompt_step.panel IN ('checkpoint', 'only', 'base')
ORDER BY model, run, panel, step, prompt_id, text_id;
