-- Which texts have a vector under this model, for `ingest`; and token counts, which come with it.
SELECT DISTINCT text_embeddings.text_id
FROM text_embeddings
SEMI JOIN prompt_tokens USING (model_id, text_id)
WHERE text_embeddings.model_id = $model_id
ORDER BY text_embeddings.text_id;
