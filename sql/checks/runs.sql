SELECT concat(count(*), ' rows of runs are there more than once, for example run_id ',
    any_value(run_id)) AS finding
FROM (
    SELECT run_id
    FROM runs
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
