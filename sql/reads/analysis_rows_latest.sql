-- The same as analysis_rows where pictures were scored again: only the newest score of each.
WITH wanted AS (
    SELECT unnest($run_ids) AS run_id, generate_subscripts($run_ids, 1) - 1 AS run_number
)
SELECT
    latest_scores.model_id,
    wanted.run_number::INTEGER AS run_number,
    latest_scores.step,
    hash(latest_scores.prompt_id, latest_scores.text_id) AS prompt,
    latest_scores.image_index,
    latest_scores.panel = 'base' AS is_base,
    latest_scores.cosine
FROM latest_scores
JOIN wanted USING (run_id)
WHERE latest_scores.panel IN ('checkpoint', 'only', 'base')
  AND latest_scores.text_id NOT IN (SELECT text_id FROM prompts WHERE is_blank);
