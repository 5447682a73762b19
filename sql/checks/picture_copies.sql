SELECT concat(count(*), ' copies are listed more than once, for example path ', any_value(path))
    AS finding
FROM (
    SELECT run_id, path
    FROM picture_copies
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
