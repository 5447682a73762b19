-- A history without repeats, one for each set of constants: a verdict is added when it says something
-- else than the one before it.
-- One that is older than the newest stored one came late and is left out.
INSERT INTO verdicts BY NAME
WITH incoming AS (
    SELECT * FROM read_parquet($files)
    QUALIFY row_number() OVER (PARTITION BY model_id, run_id, changed_rules, judged_at ORDER BY verdict) = 1
),
stored AS (
    SELECT verdicts.*
    FROM verdicts
    SEMI JOIN incoming USING (model_id, run_id)
    QUALIFY row_number()
        OVER (PARTITION BY model_id, run_id, changed_rules ORDER BY judged_at DESC, verdict) = 1
),
said AS (
    SELECT *, row(*COLUMNS(* EXCLUDE (judged_at))) AS content, false AS is_stored FROM incoming
    UNION ALL BY NAME
    SELECT *, row(*COLUMNS(* EXCLUDE (judged_at))) AS content, true AS is_stored FROM stored
),
told AS (
    SELECT
        *,
        lag(content) OVER of_run AS before,
        max(judged_at) FILTER (is_stored) OVER (PARTITION BY model_id, run_id, changed_rules)
            AS stored_at
    FROM said
    WINDOW of_run AS (
        PARTITION BY model_id, run_id, changed_rules ORDER BY judged_at, NOT is_stored
    )
)
SELECT * EXCLUDE (content, is_stored, before, stored_at)
FROM told
WHERE NOT is_stored
  AND (stored_at IS NULL OR judged_at > stored_at)
  AND content IS DISTINCT FROM before;
