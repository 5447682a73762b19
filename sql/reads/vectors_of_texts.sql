-- The vectors of these texts under this model, for `ingest`; as `known_texts`, with token counts.
SELECT DISTINCT ON (text_embeddings.text_id) text_embeddings.text_id, text_embeddings.vector
FROM text_embeddings
SEMI JOIN prompt_tokens USING (model_id, text_id)
WHERE text_embeddings.model_id = $model_id
  AND list_contains($ids::BIGINT[], text_embeddings.text_id)
ORDER BY text_embeddings.text_id;
