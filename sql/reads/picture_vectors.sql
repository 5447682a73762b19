-- The vectors of these runs' pictures. Which rows they are in is found without reading a vector:
-- vectors are nearly all of the file.
WITH wanted AS (
    SELECT embeddings.rowid AS number
    FROM embeddings
    SEMI JOIN (
        SELECT crop_id
        FROM scores
        WHERE model_id = $model_id
          AND list_contains($run_ids::BIGINT[], run_id)
          AND panel IN ('checkpoint', 'only', 'base')
    ) AS scored USING (crop_id)
    WHERE embeddings.model_id = $model_id
)
SELECT crop_id, vector
FROM embeddings
WHERE rowid IN (SELECT number FROM wanted);
