SELECT concat(count(*), ' rows of scores are there more than once, for example prompt_id ',
    any_value(prompt_id)) AS finding
FROM (
    SELECT model_id, run_id, step, image_index, panel, text_id, crop_id, scored_at, prompt_id
    FROM scores
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
