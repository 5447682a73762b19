-- A log that is read again adds nothing.
INSERT INTO logged_pictures BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN logged_pictures USING (run_id, path, tag, step, item)
QUALIFY row_number() OVER (
    PARTITION BY run_id, path, tag, step, item ORDER BY wall_time DESC NULLS LAST
) = 1;
