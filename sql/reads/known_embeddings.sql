-- Vectors of these pictures by this model.
SELECT crop_id, vector
FROM embeddings
WHERE model_id = $model_id
  AND crop_id IN (SELECT unnest($crop_ids::BIGINT[]))
ORDER BY crop_id;
