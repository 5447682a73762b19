INSERT INTO text_embeddings BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN text_embeddings USING (model_id, text_id)
QUALIFY row_number() OVER (PARTITION BY model_id, text_id ORDER BY len(vector)) = 1;
