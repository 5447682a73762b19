INSERT INTO calibrations BY NAME
SELECT DISTINCT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN calibrations USING (weights_sha256, tokenizer_sha256, preprocessing, calibrated_at);
