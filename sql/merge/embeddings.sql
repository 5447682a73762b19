INSERT INTO embeddings BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN embeddings USING (model_id, crop_id)
QUALIFY row_number() OVER (PARTITION BY model_id, crop_id ORDER BY len(vector)) = 1;
