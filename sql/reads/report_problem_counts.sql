-- Files that are not scores, by reason.
SELECT reason, stage, is_pending, count(DISTINCT path) AS n_files
FROM current_problems
GROUP BY reason, stage, is_pending
ORDER BY is_pending, n_files DESC, reason, stage;
