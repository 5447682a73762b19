-- The trainer's loss beside clip/mean: at every validation the mean loss of the steps since the one
-- before. `tag` names the loss (default: the one that the run logs most often).
WITH losses AS (
    SELECT run_id, tag, step, value
    FROM current_scalars
    WHERE CASE
        WHEN $tag::VARCHAR IS NULL THEN regexp_matches(lower(tag), '(^|[/_])loss($|[/_])')
        ELSE tag = $tag::VARCHAR
    END
),
chosen AS (
    SELECT run_id, tag
    FROM losses
    GROUP BY run_id, tag
    QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY count(*) DESC, tag) = 1
),
validations AS (
    SELECT
        run_id, run, model, panel, step, mean,
        lag(step, 1, -1) OVER (PARTITION BY run_id, model, panel ORDER BY step) AS step_before
    FROM run_step
    WHERE panel IN ('checkpoint', 'only')
      AND ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
)
SELECT
    validations.run,
    validations.model,
    validations.panel,
    validations.step,
    validations.mean AS "clip/mean",
    avg(losses.value) AS mean_loss,
    count(losses.value) AS n_losses,
    any_value(chosen.tag) AS tag
FROM validations
LEFT JOIN chosen USING (run_id)
LEFT JOIN losses
    ON losses.run_id = validations.run_id
    AND losses.tag = chosen.tag
    AND losses.step > validations.step_before
    AND losses.step <= validations.step
GROUP BY ALL
ORDER BY validations.run, validations.model, validations.panel, validations.step;
