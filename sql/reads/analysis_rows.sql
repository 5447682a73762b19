-- The scores of some runs as numbers for the verdicts: trained panels and the base model's. A picture
-- that was scored twice under a model has two rows; analysis_rows_latest tells which one holds, at
-- many times the cost.
WITH wanted AS (
    SELECT unnest($run_ids) AS run_id, generate_subscripts($run_ids, 1) - 1 AS run_number
)
SELECT
    scores.model_id,
    wanted.run_number::INTEGER AS run_number,
    scores.step,
    hash(scores.prompt_id, scores.text_id) AS prompt,
    scores.image_index,
    scores.panel = 'base' AS is_base,
    scores.cosine
FROM scores
JOIN wanted USING (run_id)
WHERE scores.rowid BETWEEN $first_row AND $last_row
  AND scores.panel IN ('checkpoint', 'only', 'base')
  AND scores.text_id NOT IN (SELECT text_id FROM prompts WHERE is_blank);
