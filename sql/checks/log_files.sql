SELECT concat(count(*), ' rows of log_files are there more than once, for example path ',
    any_value(path)) AS finding
FROM (
    SELECT run_id, path
    FROM log_files
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
