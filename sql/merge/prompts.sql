INSERT INTO prompts BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN prompts USING (text_id)
QUALIFY row_number() OVER (PARTITION BY text_id ORDER BY text) = 1;
