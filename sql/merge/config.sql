-- All that a source says gives way together, and only to a newer reading that says something else.
CREATE OR REPLACE TEMP TABLE incoming_config AS
WITH parts AS (
    SELECT DISTINCT * FROM read_parquet($files)
    QUALIFY seen_at = max(seen_at) OVER (PARTITION BY run_id, source)
),
said AS (
    SELECT run_id, source, max(seen_at) AS seen_at, list((key, kind, raw) ORDER BY key) AS content
    FROM parts
    GROUP BY ALL
),
stored AS (
    SELECT run_id, source, max(seen_at) AS seen_at, list((key, kind, raw) ORDER BY key) AS content
    FROM config
    SEMI JOIN said USING (run_id, source)
    GROUP BY ALL
)
SELECT parts.*
FROM parts
SEMI JOIN (
    SELECT said.run_id, said.source
    FROM said
    LEFT JOIN stored USING (run_id, source)
    WHERE stored.seen_at IS NULL
       OR (stored.seen_at < said.seen_at AND stored.content IS DISTINCT FROM said.content)
) AS changed USING (run_id, source);

DELETE FROM config
USING (SELECT DISTINCT run_id, source FROM incoming_config) AS changed
WHERE config.run_id = changed.run_id AND config.source = changed.source;

INSERT INTO config BY NAME
SELECT * FROM incoming_config
QUALIFY row_number() OVER (PARTITION BY run_id, source, key ORDER BY raw) = 1;

DROP TABLE incoming_config;
