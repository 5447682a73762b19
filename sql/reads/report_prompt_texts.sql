-- Every distinct prompt that a trained picture was scored against.
SELECT DISTINCT prompt_texts.text_id, prompt_texts.text
FROM prompt_step
JOIN prompt_texts USING (text_id)
WHERE NOT prompt_step.is_blank AND prompt_step.panel IN ('checkpoint', 'only')
ORDER BY text, text_id;
