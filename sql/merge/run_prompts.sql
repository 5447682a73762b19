-- A row is added when the newest one of this prompt id says something else.
INSERT INTO run_prompts BY NAME
WITH stored AS (
    SELECT * FROM run_prompts
    QUALIFY row_number() OVER (PARTITION BY run_id, prompt_id ORDER BY seen_at DESC) = 1
)
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN stored USING (run_id, prompt_id, text_id, source, tags)
QUALIFY row_number() OVER (PARTITION BY run_id, prompt_id ORDER BY seen_at DESC) = 1;
