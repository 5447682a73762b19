SELECT concat(count(*), ' rows of images are there more than once, for example path ',
    any_value(path)) AS finding
FROM (
    SELECT run_id, step, prompt_id, image_index, panel, file_sha256, crop_id, seen_at, path
    FROM images
    GROUP BY ALL
    HAVING count(*) > 1
)
HAVING count(*) > 0;
