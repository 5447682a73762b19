-- One row per run: a newer description with other content replaces the old one.
DELETE FROM runs
USING read_parquet($files) AS incoming
WHERE runs.run_id = incoming.run_id
  AND runs.seen_at < incoming.seen_at
  AND (runs.name, runs.root, runs.layout, runs.layout_reason, runs.variant, runs.planned_steps,
       runs.config)
      IS DISTINCT FROM
      (incoming.name, incoming.root, incoming.layout, incoming.layout_reason, incoming.variant,
       incoming.planned_steps, incoming.config);

INSERT INTO runs BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN runs USING (run_id)
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY seen_at DESC) = 1;
