-- The row of an ingest that is still running gives way to what it says later.
DELETE FROM ingests
USING read_parquet($files) AS incoming
WHERE ingests.ingest_id = incoming.ingest_id
  AND ingests.finished_at IS NULL
  AND (incoming.finished_at IS NOT NULL OR incoming.n_seen > ingests.n_seen);

INSERT INTO ingests BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN ingests USING (ingest_id)
QUALIFY row_number() OVER (
    PARTITION BY ingest_id ORDER BY finished_at DESC NULLS LAST, n_seen DESC
) = 1;
