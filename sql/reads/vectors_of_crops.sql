-- The vectors of these panels' contents under this model, for `ingest`.
SELECT DISTINCT ON (embeddings.crop_id) embeddings.crop_id, embeddings.vector
FROM embeddings
WHERE embeddings.model_id = $model_id
  AND list_contains($ids::BIGINT[], embeddings.crop_id)
ORDER BY embeddings.crop_id;
