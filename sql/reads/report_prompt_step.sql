-- Means per prompt of some runs, every panel; blank prompts left out. The texts themselves stand in
-- texts_of_models: here each would come once a row.
SELECT model, run_id, run, step, panel, prompt_id, text_id, n_images, mean AS cosine
FROM prompt_step
WHERE list_contains($run_ids::BIGINT[], run_id) AND NOT is_blank;
