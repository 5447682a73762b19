-- One row per copy: a newer reading replaces an older one that says otherwise.
DELETE FROM picture_copies
USING read_parquet($files) AS incoming
WHERE picture_copies.run_id = incoming.run_id
  AND picture_copies.path = incoming.path
  AND picture_copies.seen_at < incoming.seen_at
  AND (picture_copies.rule, picture_copies.original)
      IS DISTINCT FROM (incoming.rule, incoming.original);

INSERT INTO picture_copies BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN picture_copies USING (run_id, path)
QUALIFY row_number() OVER (PARTITION BY run_id, path ORDER BY seen_at DESC, original) = 1;
