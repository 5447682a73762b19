CREATE OR REPLACE VIEW current_intervals AS
WITH scored AS (
    SELECT model_id, run_id, max(scored_at) AS last_scored_at
    FROM scores
    GROUP BY model_id, run_id
)
SELECT
    coalesce(model_labels.model, '') AS model,
    coalesce(runs.name, '') AS run,
    step_intervals.*,
    coalesce(scored.last_scored_at > step_intervals.scores_until, false)
        OR coalesce(model_bands.calibrated_at > step_intervals.judged_at, false) AS is_stale
FROM step_intervals
LEFT JOIN scored USING (model_id, run_id)
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id)
LEFT JOIN model_bands USING (model_id);

COMMENT ON VIEW current_intervals IS 'How sure clip/mean is at each validation: its 95 % interval, by the usual constants (changed_rules is NULL) and by the others last asked with. `clipstore ingest`, `clipstore verdict` and `clipstore report` write them. run_step has the means.';
COMMENT ON COLUMN current_intervals.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN current_intervals.run IS 'Name of the run.';
COMMENT ON COLUMN current_intervals.model_id IS 'The model that scored.';
COMMENT ON COLUMN current_intervals.run_id IS 'The run.';
COMMENT ON COLUMN current_intervals.step IS 'The validation, in optimizer steps.';
COMMENT ON COLUMN current_intervals.adjusted_mean IS 'clip/mean with missing prompts accounted for: its middle is what the interval is of. NULL when no score counts.';
COMMENT ON COLUMN current_intervals.low IS 'Lower end of its 95 % interval for these prompts: picture noise and the shake of a checkpoint.';
COMMENT ON COLUMN current_intervals.high IS 'Upper end of that interval.';
COMMENT ON COLUMN current_intervals.changed_rules IS 'The constants of the verdict that were not the usual ones, as a JSON object; NULL when all were.';
COMMENT ON COLUMN current_intervals.scores_until IS 'Time of the newest score of the run that was known to it.';
COMMENT ON COLUMN current_intervals.judged_at IS 'When it was computed.';
COMMENT ON COLUMN current_intervals.is_stale IS 'True when the run has scores, or its model a calibration, that it does not know: `clipstore verdict` judges anew.';
