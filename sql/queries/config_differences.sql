-- Settings that differ between runs: one row per setting and run; a run without the setting has no
-- value. Numbers count as equal however they are written. `like` picks runs by a pattern, as in
-- 'lora-%'.
WITH chosen AS (
    SELECT run_id, name AS run
    FROM runs
    WHERE $like::VARCHAR IS NULL OR name LIKE $like::VARCHAR
),
entries AS (
    SELECT run_id, key, raw, coalesce(number::VARCHAR, raw) AS comparable
    FROM run_config
    SEMI JOIN chosen USING (run_id)
),
settings AS (SELECT DISTINCT key FROM entries)
SELECT settings.key AS setting, chosen.run, entries.raw AS value
FROM settings
CROSS JOIN chosen
LEFT JOIN entries ON entries.key = settings.key AND entries.run_id = chosen.run_id
QUALIFY min(coalesce(entries.comparable, '')) OVER (PARTITION BY settings.key)
     <> max(coalesce(entries.comparable, '')) OVER (PARTITION BY settings.key)
ORDER BY setting, run;
