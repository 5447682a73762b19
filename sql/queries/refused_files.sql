-- Files that have no score now, with the reason and what to do. `reason` picks one kind.
SELECT run, stage, reason, is_pending, path, detail, seen_at
FROM current_problems
WHERE ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
  AND ($reason::VARCHAR IS NULL OR reason = $reason::VARCHAR)
ORDER BY run, stage, reason, path;
