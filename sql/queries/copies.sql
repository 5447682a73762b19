-- Pictures that are not scored because another file or log has them too, and which one counts.
WITH scored AS (
    SELECT run_id, path, max(seen_at) AS scored_at
    FROM images
    GROUP BY run_id, path
),
logged AS (
    SELECT runs.root, pictures.path, pictures.source, pictures.tag, pictures.step
    FROM logged_pictures AS pictures
    JOIN runs USING (run_id)
)
SELECT
    runs.name AS run,
    copies.path AS copy,
    logged.source,
    logged.tag,
    logged.step,
    copies.rule,
    copies.original
FROM picture_copies AS copies
JOIN runs USING (run_id)
-- A grid is logged as one: its cells have ":cell" behind its path.
LEFT JOIN logged
    ON logged.root = runs.root
    AND logged.path = regexp_replace(copies.path, ':[0-9]{1,6}$', '')
-- One whose original was removed is scored itself since.
ANTI JOIN scored
    ON scored.run_id = copies.run_id
    AND scored.path = copies.path
    AND scored.scored_at > copies.seen_at
WHERE $run::VARCHAR IS NULL OR runs.name = $run::VARCHAR
ORDER BY run, logged.step, logged.tag, copy;
