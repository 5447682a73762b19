-- No foreign keys in the store, so this looks for scores that lost what they refer to. Imported
-- scores never had a picture here.
SELECT concat(count(*), ' scores are of a run, model, prompt or image that is not stored') AS finding
FROM scores
WHERE NOT (
    run_id IN (SELECT run_id FROM runs)
    AND model_id IN (SELECT model_id FROM models)
    AND text_id IN (SELECT text_id FROM prompts)
    AND (
        crop_id IN (SELECT crop_id FROM images)
        OR model_id IN (SELECT model_id FROM models WHERE backend = 'imported')
    )
)
HAVING count(*) > 0;
