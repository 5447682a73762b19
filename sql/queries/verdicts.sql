-- The newest stored verdicts, `verdict` only (default: all), those that save the most steps first.
-- `is_stale` marks verdicts that do not know the run's newest scores.
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
    is_stale,
    judged_at,
    sentence
FROM current_verdicts
WHERE ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
  AND ($verdict::VARCHAR IS NULL OR verdict = $verdict::VARCHAR)
ORDER BY verdict, steps_saved DESC NULLS LAST, run, model;
