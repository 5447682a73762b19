-- How far the trainer's own clip/mean is from ours, by run: both computed the trainer's way. The
-- likely cause is that of most validations; all of them stand in the view clip_agreement.
SELECT
    run,
    model,
    count(*) AS n_validations,
    avg(difference) AS mean_difference,
    max(abs(difference)) AS largest_difference,
    mode(likely_cause) AS likely_cause,
    avg(logged_step - step) AS logged_steps_later,
    any_value(trainer_model) AS trainer_model
FROM clip_agreement
WHERE $run::VARCHAR IS NULL OR run = $run::VARCHAR
GROUP BY run, model
ORDER BY largest_difference DESC, run, model;
