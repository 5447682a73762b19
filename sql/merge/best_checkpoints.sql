-- The newest of each run replace the older ones: those by the usual constants, and apart from them
-- those by other constants, of which only the last asked with are kept.
CREATE OR REPLACE TEMP TABLE incoming_checkpoints AS
WITH parts AS (
    SELECT * FROM read_parquet($files)
    QUALIFY dense_rank() OVER (
        PARTITION BY model_id, run_id, changed_rules IS NULL
        ORDER BY judged_at DESC, changed_rules
    ) = 1
),
stored AS (
    SELECT model_id, run_id, changed_rules IS NULL AS is_usual, max(judged_at) AS judged_at
    FROM best_checkpoints
    GROUP BY ALL
)
SELECT parts.*
FROM parts
LEFT JOIN stored
    ON stored.model_id = parts.model_id
    AND stored.run_id = parts.run_id
    AND stored.is_usual = (parts.changed_rules IS NULL)
WHERE stored.judged_at IS NULL OR stored.judged_at <= parts.judged_at
QUALIFY row_number() OVER (
    PARTITION BY parts.model_id, parts.run_id, parts.changed_rules IS NULL ORDER BY best_step, n_validations
) = 1;

DELETE FROM best_checkpoints
USING (
    SELECT DISTINCT model_id, run_id, changed_rules IS NULL AS is_usual FROM incoming_checkpoints
) AS renewed
WHERE best_checkpoints.model_id = renewed.model_id
  AND best_checkpoints.run_id = renewed.run_id
  AND (best_checkpoints.changed_rules IS NULL) = renewed.is_usual;

INSERT INTO best_checkpoints BY NAME
SELECT * FROM incoming_checkpoints ORDER BY ALL;

DROP TABLE incoming_checkpoints;
