SELECT concat(count(*), ' rows of prompts are there more than once, for example text_id ',
    any_value(text_id)) AS finding
FROM (
    SELECT text_id
    FROM prompts
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
