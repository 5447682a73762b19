INSERT INTO prompt_tokens BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN prompt_tokens USING (model_id, text_id)
QUALIFY row_number() OVER (PARTITION BY model_id, text_id ORDER BY token_count) = 1;
