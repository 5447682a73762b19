SELECT concat(count(*), ' rows of best_checkpoints are there more than once, for example run_id ',
    any_value(run_id)) AS finding
FROM (
    SELECT model_id, run_id, changed_rules IS NULL AS is_usual
    FROM best_checkpoints
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
