CREATE OR REPLACE VIEW current_problems AS
WITH located AS (
    SELECT
        problems.*,
        coalesce(runs.name, '') AS run,
        CASE
            WHEN starts_with(problems.path, '/') THEN problems.path
            ELSE concat(runs.root, '/', problems.path)
        END AS file
    FROM problems
    LEFT JOIN runs USING (run_id)
),
newest AS (
    SELECT *
    FROM (
        SELECT *, max(seen_at) OVER (PARTITION BY file, ingest_id) AS ingest_saw_at
        FROM located
    )
    QUALIFY dense_rank() OVER (PARTITION BY file ORDER BY ingest_saw_at DESC, ingest_id) = 1
),
scored AS (
    SELECT
        CASE
            WHEN starts_with(images.path, '/') THEN images.path
            ELSE concat(runs.root, '/', images.path)
        END AS file,
        max(greatest(images.seen_at, scores.scored_at)) AS scored_at
    FROM images
    JOIN scores USING (run_id, step, prompt_id, image_index, panel, crop_id)
    LEFT JOIN runs USING (run_id)
    WHERE EXISTS (FROM problems)
    GROUP BY ALL
)
SELECT
    newest.run,
    newest.* EXCLUDE (run, file, ingest_saw_at)
FROM newest
ANTI JOIN scored
    ON newest.file = scored.file
    AND scored.scored_at >= newest.seen_at;

COMMENT ON VIEW current_problems IS 'Files that are not scored now: what the newest ingest that found something new said of each file, unless it was scored since.';
COMMENT ON COLUMN current_problems.run IS 'Name of the run; empty when the file belongs to none.';
COMMENT ON COLUMN current_problems.run_id IS 'The run; NULL when the file belongs to none.';
COMMENT ON COLUMN current_problems.path IS 'The file, relative to the root of the run; absolute when it belongs to no run.';
COMMENT ON COLUMN current_problems.stage IS 'Where it failed: find, name, prompt, read, decode, cut or score.';
COMMENT ON COLUMN current_problems.reason IS 'A short fixed code.';
COMMENT ON COLUMN current_problems.detail IS 'What is wrong with the file and what to do.';
COMMENT ON COLUMN current_problems.is_pending IS 'True when the next ingest tries again.';
COMMENT ON COLUMN current_problems.file_size_bytes IS 'Size of the file when it was seen.';
COMMENT ON COLUMN current_problems.file_modified_ns IS 'Modification time of the file then, nanoseconds since 1970.';
COMMENT ON COLUMN current_problems.ingest_id IS 'The ingest that first met it so.';
COMMENT ON COLUMN current_problems.seen_at IS 'Since when ingests find it so.';
