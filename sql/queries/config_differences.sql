-- Settings that differ between runs: one row per setting and run, the value as JSON; a run
-- without the setting has none. `like` picks runs by a pattern, as in 'lora-%'.
WITH chosen AS (
    SELECT run_id, name AS run, config
    FROM runs
    WHERE $like::VARCHAR IS NULL OR name LIKE $like::VARCHAR
),
entries AS (
    SELECT run_id, unnest(map_entries(config::JSON::MAP(VARCHAR, JSON)), recursive := true)
    FROM chosen
),
settings AS (SELECT DISTINCT key FROM entries)
SELECT settings.key AS setting, chosen.run, entries.value::VARCHAR AS value
FROM settings
CROSS JOIN chosen
LEFT JOIN entries ON entries.key = settings.key AND entries.run_id = chosen.run_id
QUALIFY count(DISTINCT coalesce(entries.value::VARCHAR, '')) OVER (PARTITION BY settings.key) > 1
ORDER BY setting, run;
