-- clip/mean of every validation: the mean over prompts of each prompt's mean over pictures. low and
-- high are its 95 % interval for these prompts, around adjusted_mean, which accounts for missing ones.
SELECT
    run_step.model,
    run_step.run,
    run_step.step,
    run_step.mean AS clip_mean,
    intervals.adjusted_mean,
    intervals.low,
    intervals.high,
    run_step.n_prompts,
    run_step.n_images,
    intervals.is_stale
FROM run_step
LEFT JOIN current_intervals AS intervals
    ON intervals.model_id = run_step.model_id
    AND intervals.run_id = run_step.run_id
    AND intervals.step = run_step.step
    AND intervals.changed_rules IS NOT DISTINCT FROM $changed_rules::VARCHAR
WHERE run_step.panel IN ('checkpoint', 'only')
ORDER BY run_step.model, run_step.run, run_step.step;
