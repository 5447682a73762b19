-- The newest of each run replace the older ones: those by the usual constants, and apart from them
-- those by other constants, of which only the last asked with are kept.
CREATE OR REPLACE TEMP TABLE incoming_intervals AS
WITH parts AS (
    SELECT * FROM read_parquet($files)
    QUALIFY dense_rank() OVER (
        PARTITION BY model_id, run_id, changed_rules IS NULL
        ORDER BY judged_at DESC, changed_rules
    ) = 1
),
stored AS (
    SELECT model_id, run_id, changed_rules IS NULL AS is_usual, max(judged_at) AS judged_at
    FROM step_intervals
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
    PARTITION BY parts.model_id, parts.run_id, parts.changed_rules IS NULL, step ORDER BY low, high
) = 1;

DELETE FROM step_intervals
USING (
    SELECT DISTINCT model_id, run_id, changed_rules IS NULL AS is_usual FROM incoming_intervals
) AS renewed
WHERE step_intervals.model_id = renewed.model_id
  AND step_intervals.run_id = renewed.run_id
  AND (step_intervals.changed_rules IS NULL) = renewed.is_usual;

INSERT INTO step_intervals BY NAME
SELECT * FROM incoming_intervals ORDER BY ALL;

DROP TABLE incoming_intervals;
