SELECT concat(count(*), ' rows of step_intervals are there more than once, for example run_id ',
    any_value(run_id)) AS finding
FROM (
    SELECT model_id, run_id, step, changed_rules IS NULL AS is_usual
    FROM step_intervals
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
