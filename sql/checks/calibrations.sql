SELECT concat(count(*), ' rows of calibrations are there more than once, for example of ',
    any_value(name)) AS finding
FROM (
    SELECT weights_sha256, tokenizer_sha256, preprocessing, calibrated_at, any_value(name) AS name
    FROM calibrations
    GROUP BY weights_sha256, tokenizer_sha256, preprocessing, calibrated_at
    HAVING count(*) > 1
)
HAVING count(*) > 0;
