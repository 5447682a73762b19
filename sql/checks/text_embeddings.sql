SELECT concat(count(*), ' rows of text_embeddings are there more than once, for example text_id ',
    any_value(text_id)) AS finding
FROM (
    SELECT model_id, text_id
    FROM text_embeddings
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
