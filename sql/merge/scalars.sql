-- A log that is read again adds nothing.
INSERT INTO scalars BY NAME
WITH incoming AS (
    SELECT DISTINCT * FROM read_parquet($files)
),
stored AS (
    SELECT * FROM scalars WHERE run_id IN (SELECT run_id FROM incoming)
)
SELECT incoming.*
FROM incoming
ANTI JOIN stored
    ON incoming.run_id = stored.run_id
    AND incoming.path = stored.path
    AND incoming.tag = stored.tag
    AND incoming.step = stored.step
    AND incoming.wall_time IS NOT DISTINCT FROM stored.wall_time
    AND incoming.value IS NOT DISTINCT FROM stored.value;
