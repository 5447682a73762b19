SELECT concat(count(*), ' rows of scalars are there more than once, for example tag ',
    any_value(tag)) AS finding
FROM (
    SELECT run_id, path, tag, step, wall_time, value
    FROM scalars
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
