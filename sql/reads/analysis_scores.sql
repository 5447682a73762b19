-- One row per picture and panel of these runs, or of all where none is given: the trained panels
-- and the base model's.
SELECT
    latest_scores.model_id,
    coalesce(model_labels.model, '') AS model,
    latest_scores.run_id,
    coalesce(runs.name, '') AS run,
    latest_scores.step,
    latest_scores.prompt_id,
    latest_scores.text_id,
    latest_scores.panel,
    latest_scores.image_index,
    latest_scores.cosine::DOUBLE AS cosine
FROM latest_scores
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id)
LEFT JOIN prompts USING (text_id)
WHERE latest_scores.panel IN ('checkpoint', 'only', 'base')
  AND NOT coalesce(prompts.is_blank, false)
  AND ($run_ids::BIGINT[] IS NULL OR list_contains($run_ids::BIGINT[], latest_scores.run_id))
ORDER BY model, model_id, run, run_id, step, panel, prompt_id, text_id, image_index;
