-- The vectors of a model's prompts.
SELECT text_id, vector
FROM text_embeddings
WHERE model_id = $model_id;
