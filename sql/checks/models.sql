SELECT concat(count(*), ' rows of models are there more than once, for example model_id ',
    any_value(model_id)) AS finding
FROM (
    SELECT model_id
    FROM models
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
