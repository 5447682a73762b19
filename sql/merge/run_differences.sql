-- What was compared last replaces what was compared before: of all runs, and apart from that of some
-- runs; by the usual constants, and apart from that by other ones. So there are four sets at most for
-- each model, however often reports are asked for.
CREATE OR REPLACE TEMP TABLE incoming_differences AS
WITH parts AS (
    SELECT * FROM read_parquet($files)
    QUALIFY dense_rank() OVER (
        PARTITION BY model_id, selection IS NULL, changed_rules IS NULL
        ORDER BY compared_at DESC, selection, changed_rules
    ) = 1
),
stored AS (
    SELECT
        model_id,
        selection IS NULL AS is_of_all,
        changed_rules IS NULL AS is_usual,
        max(compared_at) AS compared_at
    FROM run_differences
    GROUP BY ALL
)
SELECT parts.*
FROM parts
LEFT JOIN stored
    ON stored.model_id = parts.model_id
    AND stored.is_of_all = (parts.selection IS NULL)
    AND stored.is_usual = (parts.changed_rules IS NULL)
WHERE stored.compared_at IS NULL OR stored.compared_at <= parts.compared_at
QUALIFY row_number() OVER (
    PARTITION BY
        parts.model_id,
        parts.run_a_id,
        parts.run_b_id,
        parts.selection IS NULL,
        parts.changed_rules IS NULL
    ORDER BY parts.difference, parts.verdict
) = 1;

DELETE FROM run_differences
USING (
    SELECT DISTINCT
        model_id,
        selection IS NULL AS is_of_all,
        changed_rules IS NULL AS is_usual
    FROM incoming_differences
) AS renewed
WHERE run_differences.model_id = renewed.model_id
  AND (run_differences.selection IS NULL) = renewed.is_of_all
  AND (run_differences.changed_rules IS NULL) = renewed.is_usual;

INSERT INTO run_differences BY NAME
SELECT * FROM incoming_differences ORDER BY ALL;

DROP TABLE incoming_differences;
