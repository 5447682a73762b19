-- The pictures that the logs of these runs hold, as far as they were read, for `ingest`.
SELECT *
FROM logged_pictures
WHERE list_contains($run_ids::BIGINT[], run_id)
ORDER BY run_id, log, path, step, tag, item;
