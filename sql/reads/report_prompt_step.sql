-- Means per prompt for the report's cards: blank prompts left out, and only the columns that it
-- reads, since this is its largest table.
SELECT
    prompt_step.model,
    prompt_step.run,
    prompt_step.step,
    prompt_step.panel,
    prompt_step.prompt_id,
    prompt_step.text_id,
    prompt_step.mean AS cosine,
    coalesce(prompt_step.is_truncated, false) AS is_truncated,
    coalesce(prompt_step.asks_for_words, false) AS asks_for_words,
    prompt_texts.text
FROM prompt_step
LEFT JOIN prompt_texts USING (text_id)
WHERE NOT prompt_step.is_blank AND prompt_step.panel IN ('checkpoint', 'only', 'base')
ORDER BY model, run, panel, step, prompt_id, text_id;
