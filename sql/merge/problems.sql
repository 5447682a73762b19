-- What changes is kept: of a file that an ingest finds as the newest one before found it, and that was
-- not read as a picture in between, nothing is added, so that a watch that meets it in every round
-- does not grow the store. Within one ingest a file has one row per stage and reason.
INSERT INTO problems BY NAME
WITH incoming AS (
    SELECT *
    FROM read_parquet($files)
    QUALIFY row_number() OVER (
        PARTITION BY ingest_id, run_id, path, stage, reason ORDER BY seen_at DESC
    ) = 1
),
said AS (
    SELECT
        run_id, path, ingest_id,
        max(seen_at) AS seen_at,
        list_sort(list(
            (stage, reason, detail, is_pending, file_size_bytes, file_modified_ns)
        )) AS what
    FROM incoming
    GROUP BY ALL
),
stored AS (
    SELECT
        problems.run_id, problems.path, problems.ingest_id,
        max(problems.seen_at) AS seen_at,
        list_sort(list((
            problems.stage, problems.reason, problems.detail, problems.is_pending,
            problems.file_size_bytes, problems.file_modified_ns
        ))) AS what
    FROM problems
    SEMI JOIN said
        ON said.run_id IS NOT DISTINCT FROM problems.run_id AND said.path = problems.path
    GROUP BY problems.run_id, problems.path, problems.ingest_id
    QUALIFY row_number() OVER (
        PARTITION BY problems.run_id, problems.path ORDER BY max(problems.seen_at) DESC
    ) = 1
),
read_since AS (
    SELECT stored.run_id, stored.path
    FROM stored
    JOIN images
        ON images.run_id = stored.run_id
        AND images.path = stored.path
        AND images.seen_at >= stored.seen_at
),
known AS (
    SELECT said.run_id, said.path, said.ingest_id
    FROM said
    JOIN stored
        ON stored.run_id IS NOT DISTINCT FROM said.run_id
        AND stored.path = said.path
        AND stored.what = said.what
    ANTI JOIN read_since
        ON read_since.run_id = said.run_id AND read_since.path = said.path
)
SELECT incoming.*
FROM incoming
ANTI JOIN known
    ON known.run_id IS NOT DISTINCT FROM incoming.run_id
    AND known.path = incoming.path
    AND known.ingest_id = incoming.ingest_id
ANTI JOIN problems
    ON incoming.ingest_id = problems.ingest_id
    AND incoming.run_id IS NOT DISTINCT FROM problems.run_id
    AND incoming.path = problems.path
    AND incoming.stage = problems.stage
    AND incoming.reason = problems.reason;
