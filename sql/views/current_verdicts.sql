CREATE OR REPLACE VIEW current_verdicts AS
WITH newest AS (
    SELECT *
    FROM verdicts
    QUALIFY row_number()
        OVER (PARTITION BY model_id, run_id, changed_rules ORDER BY judged_at DESC, verdict) = 1
),
scored AS (
    SELECT model_id, run_id, max(scored_at) AS last_scored_at
    FROM scores
    GROUP BY model_id, run_id
)
SELECT
    coalesce(model_labels.model, '') AS model,
    coalesce(runs.name, '') AS run,
    newest.*,
    coalesce(scored.last_scored_at > newest.scores_until, false)
        OR coalesce(model_bands.calibrated_at > newest.judged_at, false)
        -- A run without a plan of its own may have been judged with --planned-steps.
        OR (nullif(runs.planned_steps, 0) IS NOT NULL
            AND runs.planned_steps IS DISTINCT FROM newest.planned_steps) AS is_stale
FROM newest
LEFT JOIN scored USING (model_id, run_id)
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id)
LEFT JOIN model_bands USING (model_id);

COMMENT ON VIEW current_verdicts IS 'The newest verdict of each run and model, by the usual rules (changed_rules is NULL) and by each other set of constants it was asked with. `clipstore ingest` and `clipstore verdict` write them.';
COMMENT ON COLUMN current_verdicts.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN current_verdicts.run IS 'Name of the run.';
COMMENT ON COLUMN current_verdicts.model_id IS 'The model whose scores were judged.';
COMMENT ON COLUMN current_verdicts.run_id IS 'The run.';
COMMENT ON COLUMN current_verdicts.verdict IS 'abandon; in band: judge by eye; keep going; cannot tell yet.';
COMMENT ON COLUMN current_verdicts.reason IS 'Why to abandon: COLLAPSED, STUCK_POOR or STUCK_BELOW_BAND; NULL unless the verdict is abandon.';
COMMENT ON COLUMN current_verdicts.sentence IS 'The deciding sentence, with its numbers.';
COMMENT ON COLUMN current_verdicts.first_flag_step IS 'Validation at which the rule first said abandon; NULL if it never did.';
COMMENT ON COLUMN current_verdicts.steps_saved IS 'Planned steps after first_flag_step; NULL without a plan or a flag.';
COMMENT ON COLUMN current_verdicts.peak_step IS 'Where a collapsed run was best; NULL for others.';
COMMENT ON COLUMN current_verdicts.status IS 'Trend at the end: plateau, flat_within_resolution, rising, falling, unstable, inconclusive or too_short.';
COMMENT ON COLUMN current_verdicts.location IS 'The level against the band of the model: POOR, BELOW_BAND, BORDERLINE, IN_BAND, ABOVE_BAND or UNKNOWN.';
COMMENT ON COLUMN current_verdicts.level IS 'Mean cosine over the flat part, or over the last quarter when not flat; NULL without one.';
COMMENT ON COLUMN current_verdicts.level_low IS 'Lower end of its 95 % interval for these prompts.';
COMMENT ON COLUMN current_verdicts.level_high IS 'Upper end of that interval.';
COMMENT ON COLUMN current_verdicts.level_any_low IS 'Lower end of its 95 % interval for any prompts of this kind.';
COMMENT ON COLUMN current_verdicts.level_any_high IS 'Upper end of that interval.';
COMMENT ON COLUMN current_verdicts.onset_step IS 'First validation of the flat part; NULL unless flat.';
COMMENT ON COLUMN current_verdicts.onset_low_step IS 'Earliest validation that it may have been.';
COMMENT ON COLUMN current_verdicts.onset_high_step IS 'Latest validation that it may have been.';
COMMENT ON COLUMN current_verdicts.drift IS 'Change of the mean cosine expected over the next horizon_steps.';
COMMENT ON COLUMN current_verdicts.drift_low IS 'Lower end of its 90 % interval.';
COMMENT ON COLUMN current_verdicts.drift_high IS 'Upper end of that interval.';
COMMENT ON COLUMN current_verdicts.horizon_steps IS 'Steps that the drift looks ahead.';
COMMENT ON COLUMN current_verdicts.base_difference IS 'Last validation minus the base model, paired by prompt; NULL without base pictures.';
COMMENT ON COLUMN current_verdicts.base_low IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN current_verdicts.base_high IS 'Upper end of that interval.';
COMMENT ON COLUMN current_verdicts.base_mean IS 'Mean of the base model over the prompts of base_difference; NULL without base pictures, and where an older clipstore judged.';
COMMENT ON COLUMN current_verdicts.n_prompts IS 'Prompts that were judged by.';
COMMENT ON COLUMN current_verdicts.n_validations IS 'Validations with a score.';
COMMENT ON COLUMN current_verdicts.last_step IS 'The newest of them; NULL when no score counts.';
COMMENT ON COLUMN current_verdicts.planned_steps IS 'Optimizer steps planned; NULL when unknown.';
COMMENT ON COLUMN current_verdicts.checkpoint_jitter IS 'Estimated SD by which one checkpoint moves all prompts together; NULL when too short.';
COMMENT ON COLUMN current_verdicts.notes IS 'Codes of what else is to be known, for example TOO_FEW_PROMPTS.';
COMMENT ON COLUMN current_verdicts.rules IS 'Every constant of the rule, as a JSON object.';
COMMENT ON COLUMN current_verdicts.changed_rules IS 'Those of them that are not the usual ones, as a JSON object; NULL when all are.';
COMMENT ON COLUMN current_verdicts.clipstore_version IS 'Version of clipstore that judged.';
COMMENT ON COLUMN current_verdicts.scores_until IS 'Time of the newest score that was known to it.';
COMMENT ON COLUMN current_verdicts.judged_at IS 'When it was judged.';
COMMENT ON COLUMN current_verdicts.is_stale IS 'True when the run has scores or another plan, or its model a calibration, that the verdict does not know: `clipstore verdict` judges anew.';
