-- The newest stored verdicts, `verdict` only (default: all), those that save the most steps first.
-- `changed_rules` are the constants of --rules it was made with, empty for the usual ones; `is_stale`
-- marks verdicts that do not know the run's newest scores or plan, or its model's calibration.
SELECT
    model,
    run,
    verdict,
    reason,
    first_flag_step,
    steps_saved,
    status,
    onset_step,
    level,
    level_low,
    level_high,
    location,
    last_step,
    planned_steps,
    changed_rules,
    is_stale,
    judged_at,
    sentence
FROM current_verdicts
WHERE ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
  AND ($verdict::VARCHAR IS NULL OR verdict = $verdict::VARCHAR)
ORDER BY changed_rules NULLS FIRST, verdict, steps_saved DESC NULLS LAST, run, model;
