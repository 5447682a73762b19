SELECT concat(count(*), ' rows of config are there more than once, for example key ',
    any_value(key)) AS finding
FROM (
    SELECT run_id, source, key
    FROM config
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
