-- When the trained pictures of each run and step were written, and whether the step is an epoch.
SELECT
    run_id,
    step,
    max(file_modified_ns) / 1e9 AS seconds,
    bool_or(list_contains(notes, 'step_is_epoch')) AS step_is_epoch
FROM current_images
WHERE panel IN ('checkpoint', 'only')
GROUP BY run_id, step
ORDER BY run_id, step;
