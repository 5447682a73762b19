-- Which panels' contents have a vector under this model, for `ingest`.
SELECT DISTINCT embeddings.crop_id
FROM embeddings
WHERE embeddings.model_id = $model_id
ORDER BY embeddings.crop_id;
