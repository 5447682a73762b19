-- The pictures of these runs under one model, for the findings from vectors: trained and base panels.
SELECT
    latest_scores.run_id,
    latest_scores.step,
    latest_scores.prompt_id,
    latest_scores.text_id,
    latest_scores.panel,
    latest_scores.image_index,
    latest_scores.crop_id,
    latest_scores.cosine::DOUBLE AS cosine
FROM latest_scores
LEFT JOIN prompts USING (text_id)
WHERE latest_scores.model_id = $model_id
  AND list_contains($run_ids::BIGINT[], latest_scores.run_id)
  AND latest_scores.panel IN ('checkpoint', 'only', 'base')
  AND NOT coalesce(prompts.is_blank, false)
ORDER BY run_id, step, panel, prompt_id, text_id, image_index;
