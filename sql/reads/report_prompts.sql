-- Every prompt at every validation, and the base model's pictures of it.
SELECT model, run, panel, prompt_id, step, mean AS cosine
FROM prompt_step
WHERE NOT is_blank AND panel IN ('checkpoint', 'only', 'base')
ORDER BY model, run, panel, prompt_id, step;
