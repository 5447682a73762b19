CREATE OR REPLACE VIEW current_best_checkpoints AS
WITH scored AS (
    SELECT model_id, run_id, max(scored_at) AS last_scored_at
    FROM scores
    GROUP BY model_id, run_id
)
SELECT
    coalesce(model_labels.model, '') AS model,
    coalesce(runs.name, '') AS run,
    best_checkpoints.*,
    len(best_checkpoints.steps) AS n_steps,
    coalesce(scored.last_scored_at > best_checkpoints.scores_until, false)
        OR coalesce(model_bands.calibrated_at > best_checkpoints.judged_at, false) AS is_stale
FROM best_checkpoints
LEFT JOIN scored USING (model_id, run_id)
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id)
LEFT JOIN model_bands USING (model_id);

COMMENT ON VIEW current_best_checkpoints IS 'Which validations of each run cannot be told from its best one, by the usual constants (changed_rules is NULL) and by the others last asked with. `clipstore ingest`, `clipstore verdict` and `clipstore report` write them.';
COMMENT ON COLUMN current_best_checkpoints.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN current_best_checkpoints.run IS 'Name of the run.';
COMMENT ON COLUMN current_best_checkpoints.model_id IS 'The model that scored.';
COMMENT ON COLUMN current_best_checkpoints.run_id IS 'The run.';
COMMENT ON COLUMN current_best_checkpoints.best_step IS 'The highest mean; NULL where it may lie in the band, where no checkpoint is ahead of another, and where nothing could be compared.';
COMMENT ON COLUMN current_best_checkpoints.steps IS 'Holds the truly best one with 95 % confidence; in the band all that may lie there.';
COMMENT ON COLUMN current_best_checkpoints.n_steps IS 'How many those are.';
COMMENT ON COLUMN current_best_checkpoints.n_validations IS 'Validations that were held against each other; 0 with fewer than two, or too few prompts.';
COMMENT ON COLUMN current_best_checkpoints.changed_rules IS 'The constants of the verdict and of comparing that were not the usual ones, as a JSON object; NULL when all were.';
COMMENT ON COLUMN current_best_checkpoints.scores_until IS 'Time of the newest score of the run that was known to it.';
COMMENT ON COLUMN current_best_checkpoints.judged_at IS 'When it was computed.';
COMMENT ON COLUMN current_best_checkpoints.is_stale IS 'True when the run has scores, or its model a calibration, that it does not know: `clipstore verdict` judges anew.';
