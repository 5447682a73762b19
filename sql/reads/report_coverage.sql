-- Validations with fewer scored pictures than the fullest of their run.
SELECT model, run, step, n_images AS n_scored, n_expected
FROM (
    SELECT *, max(n_images) OVER (PARTITION BY model_id, run_id) AS n_expected
    FROM run_step
    WHERE panel IN ('checkpoint', 'only')
)
WHERE n_images < n_expected
ORDER BY model, run, step;
