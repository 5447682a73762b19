-- How far the logs of these runs were read, for `ingest`.
SELECT *
FROM log_files
WHERE list_contains($run_ids::BIGINT[], run_id)
ORDER BY run_id, path;
