-- One row per log: a newer reading replaces an older one that says otherwise.
DELETE FROM log_files
USING read_parquet($files) AS incoming
WHERE log_files.run_id = incoming.run_id
  AND log_files.path = incoming.path
  AND log_files.seen_at < incoming.seen_at
  AND (log_files.source, log_files.position, log_files.last_step, log_files.head_sha256,
       log_files.head_bytes, log_files.n_scalars, log_files.n_pictures, log_files.n_damaged,
       log_files.detail)
      IS DISTINCT FROM
      (incoming.source, incoming.position, incoming.last_step, incoming.head_sha256,
       incoming.head_bytes, incoming.n_scalars, incoming.n_pictures, incoming.n_damaged,
       incoming.detail);

INSERT INTO log_files BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN log_files USING (run_id, path)
QUALIFY row_number() OVER (PARTITION BY run_id, path ORDER BY seen_at DESC, position DESC) = 1;
