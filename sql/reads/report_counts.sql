-- Pictures by what became of them; one that two models scored counts once.
SELECT
    CASE WHEN panel IN ('checkpoint', 'only') THEN 'scored' ELSE 'other panels' END AS state,
    sum(n_images)::BIGINT AS n_pictures
FROM (
    SELECT run, step, panel, max(n_images) AS n_images FROM run_step GROUP BY run, step, panel
)
GROUP BY state
UNION ALL
SELECT CASE WHEN is_pending THEN 'pending' ELSE 'refused' END AS state, count(*)
FROM current_problems
GROUP BY state
ORDER BY state;
