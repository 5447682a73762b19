SELECT concat(count(*), ' rows of embeddings are there more than once, for example crop_id ',
    any_value(crop_id)) AS finding
FROM (
    SELECT model_id, crop_id
    FROM embeddings
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
