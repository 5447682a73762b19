-- Vectors of the base model's pictures in these runs: every composite shows the same ones again.
SELECT DISTINCT ON (embeddings.crop_id) embeddings.crop_id, embeddings.vector
FROM embeddings
SEMI JOIN (
    SELECT crop_id FROM images
    WHERE panel = 'base' AND list_contains($run_ids::BIGINT[], run_id)
) AS base USING (crop_id)
WHERE embeddings.model_id = $model_id
ORDER BY embeddings.crop_id;
