-- The newest verdict of every run, the numbers beside it, and the validations that cannot be told from
-- its best one; is_stale where newer scores came since.
SELECT
    current_verdicts.model,
    current_verdicts.run,
    current_verdicts.verdict,
    current_verdicts.sentence,
    current_verdicts.onset_step,
    current_verdicts.level,
    current_verdicts.level_low,
    current_verdicts.level_high,
    run_summary.last_share_in_band,
    current_verdicts.base_difference,
    current_verdicts.base_low,
    current_verdicts.base_high,
    current_verdicts.base_mean,
    best.best_step,
    best.steps AS best_steps,
    best.n_validations AS best_of,
    current_verdicts.last_step,
    current_verdicts.planned_steps,
    current_verdicts.n_prompts,
    current_verdicts.n_validations,
    current_verdicts.is_stale
FROM current_verdicts
LEFT JOIN run_summary
    ON run_summary.model_id = current_verdicts.model_id
    AND run_summary.run_id = current_verdicts.run_id
    AND run_summary.panel IN ('checkpoint', 'only')
LEFT JOIN current_best_checkpoints AS best
    ON best.model_id = current_verdicts.model_id
    AND best.run_id = current_verdicts.run_id
    AND best.changed_rules IS NOT DISTINCT FROM $changed_compare_rules::VARCHAR
WHERE current_verdicts.changed_rules IS NOT DISTINCT FROM $changed_rules::VARCHAR
ORDER BY current_verdicts.model, current_verdicts.run;
