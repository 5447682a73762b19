-- When each validation was, of some runs or (run_ids is NULL) of all: by the trainer's own log where
-- that has times for all of the run's validations, else by the times of the pictures' files (the
-- median, since a copied file may lie).
WITH files AS (
    SELECT run_id, step, median(file_modified_ns)::BIGINT AS written_ns
    FROM current_images
    WHERE panel IN ('checkpoint', 'only')
      AND ($run_ids::BIGINT[] IS NULL OR list_contains($run_ids::BIGINT[], run_id))
    GROUP BY run_id, step
),
logged AS (
    SELECT run_id, step AS logged_step, min(wall_time) AS logged_at
    FROM current_scalars
    WHERE wall_time IS NOT NULL
      AND ($run_ids::BIGINT[] IS NULL OR list_contains($run_ids::BIGINT[], run_id))
    GROUP BY run_id, step
),
told AS (
    SELECT
        files.*,
        epoch_ns(logged.logged_at) AS logged_ns,
        count(logged.logged_at) OVER (PARTITION BY files.run_id)
            = count(*) OVER (PARTITION BY files.run_id) AS is_logged
    FROM files
    ASOF LEFT JOIN logged
        ON files.run_id = logged.run_id AND files.step >= logged.logged_step
)
SELECT
    runs.name AS run,
    told.step,
    CASE WHEN told.is_logged THEN told.logged_ns ELSE told.written_ns END AS written_ns
FROM told
JOIN runs USING (run_id)
ORDER BY run, told.run_id, told.step;
