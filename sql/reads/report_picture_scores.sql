-- Every single picture's cosine, as it stands under the pictures.
SELECT model, run, prompt_id, step, panel, image_index, cosine::DOUBLE AS cosine
FROM current_scores
WHERE NOT is_blank AND panel IN ('checkpoint', 'only', 'base')
ORDER BY model, run, prompt_id, step, panel, image_index;
