-- Files of these runs that could not be scored, for `ingest`.
SELECT run_id, path, stage, reason, detail, is_pending, file_size_bytes, file_modified_ns, seen_at
FROM current_problems
WHERE list_contains($run_ids::BIGINT[], run_id)
ORDER BY run_id, path;
