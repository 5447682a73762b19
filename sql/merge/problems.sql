-- Every ingest's own list is kept; within one ingest a file has one row per stage and reason.
INSERT INTO problems BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN problems
    ON incoming.ingest_id = problems.ingest_id
    AND incoming.run_id IS NOT DISTINCT FROM problems.run_id
    AND incoming.path = problems.path
    AND incoming.stage = problems.stage
    AND incoming.reason = problems.reason
QUALIFY row_number() OVER (
    PARTITION BY ingest_id, run_id, path, stage, reason ORDER BY seen_at DESC
) = 1;
