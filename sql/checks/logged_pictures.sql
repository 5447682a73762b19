SELECT concat(count(*), ' rows of logged_pictures are there more than once, for example path ',
    any_value(path)) AS finding
FROM (
    SELECT run_id, path, tag, step, item
    FROM logged_pictures
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
