-- One vector for each content. Which row is the first of its content is found without the vectors:
-- they are nearly all there is to be read and written.
INSERT INTO embeddings BY NAME
WITH firsts AS (
    SELECT min((filename, file_row_number)) AS place
    FROM read_parquet($files, filename = true, file_row_number = true)
    ANTI JOIN embeddings USING (model_id, crop_id)
    GROUP BY model_id, crop_id
)
SELECT incoming.* EXCLUDE (filename, file_row_number)
FROM read_parquet($files, filename = true, file_row_number = true) AS incoming
SEMI JOIN firsts ON firsts.place = (incoming.filename, incoming.file_row_number);
