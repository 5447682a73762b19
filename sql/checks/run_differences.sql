SELECT concat(count(*), ' rows of run_differences are there more than once, for example run_a_id ',
    any_value(run_a_id)) AS finding
FROM (
    SELECT model_id, run_a_id, run_b_id, selection IS NULL AS is_of_all, changed_rules IS NULL AS is_usual
    FROM run_differences
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
