-- Files that are not scores now; paths absolute.
SELECT
    CASE
        WHEN starts_with(problems.path, '/') THEN problems.path
        ELSE concat(runs.root, '/', problems.path)
    END AS path,
    problems.run,
    problems.stage,
    problems.reason,
    problems.detail,
    problems.is_pending
FROM current_problems AS problems
LEFT JOIN runs USING (run_id)
ORDER BY ALL;
