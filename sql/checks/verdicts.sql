SELECT concat(count(*), ' rows of verdicts are there more than once, for example run_id ',
    any_value(run_id)) AS finding
FROM (
    SELECT model_id, run_id, changed_rules, judged_at
    FROM verdicts
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
