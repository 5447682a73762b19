-- Verdicts as they were given, so that SQL sees them. One row each time something about one changed.

CREATE TABLE verdicts (
    model_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    verdict VARCHAR NOT NULL,
    reason VARCHAR,
    sentence VARCHAR NOT NULL,
    first_flag_step BIGINT,
    steps_saved BIGINT,
    peak_step BIGINT,
    status VARCHAR NOT NULL,
    location VARCHAR NOT NULL,
    level DOUBLE,
    level_low DOUBLE,
    level_high DOUBLE,
    level_any_low DOUBLE,
    level_any_high DOUBLE,
    onset_step BIGINT,
    onset_low_step BIGINT,
    onset_high_step BIGINT,
    drift DOUBLE,
    drift_low DOUBLE,
    drift_high DOUBLE,
    horizon_steps BIGINT,
    base_difference DOUBLE,
    base_low DOUBLE,
    base_high DOUBLE,
    n_prompts BIGINT NOT NULL,
    n_validations BIGINT NOT NULL,
    last_step BIGINT,
    planned_steps BIGINT,
    checkpoint_jitter DOUBLE,
    notes VARCHAR[] NOT NULL,
    rules VARCHAR NOT NULL,
    clipstore_version VARCHAR NOT NULL,
    scores_until TIMESTAMPTZ NOT NULL,
    judged_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE verdicts IS 'Verdicts by run and model with what they rest on. History: the newest holds (view current_verdicts). Levels and changes are raw cosines, to six decimals.';
COMMENT ON COLUMN verdicts.model_id IS 'The model whose scores were judged.';
COMMENT ON COLUMN verdicts.run_id IS 'The run.';
COMMENT ON COLUMN verdicts.verdict IS 'abandon; in band: judge by eye; keep going; cannot tell yet.';
COMMENT ON COLUMN verdicts.reason IS 'Why to abandon: COLLAPSED, STUCK_POOR or STUCK_BELOW_BAND; NULL unless the verdict is abandon.';
COMMENT ON COLUMN verdicts.sentence IS 'The deciding sentence, with its numbers.';
COMMENT ON COLUMN verdicts.first_flag_step IS 'Validation at which the rule first said abandon; NULL if it never did.';
COMMENT ON COLUMN verdicts.steps_saved IS 'Planned steps after first_flag_step; NULL without a plan or a flag.';
COMMENT ON COLUMN verdicts.peak_step IS 'Where a collapsed run was best; NULL for others.';
COMMENT ON COLUMN verdicts.status IS 'Trend at the end: plateau, flat_within_resolution, rising, falling, unstable, inconclusive or too_short.';
COMMENT ON COLUMN verdicts.location IS 'The level against the band of the model: POOR, BELOW_BAND, BORDERLINE, IN_BAND, ABOVE_BAND or UNKNOWN.';
COMMENT ON COLUMN verdicts.level IS 'Mean cosine over the flat part, or over the last quarter when not flat; NULL without one.';
COMMENT ON COLUMN verdicts.level_low IS 'Lower end of its 95 % interval for these prompts.';
COMMENT ON COLUMN verdicts.level_high IS 'Upper end of that interval.';
COMMENT ON COLUMN verdicts.level_any_low IS 'Lower end of its 95 % interval for any prompts of this kind.';
COMMENT ON COLUMN verdicts.level_any_high IS 'Upper end of that interval.';
COMMENT ON COLUMN verdicts.onset_step IS 'First validation of the flat part; NULL unless flat.';
COMMENT ON COLUMN verdicts.onset_low_step IS 'Earliest validation that it may have been.';
COMMENT ON COLUMN verdicts.onset_high_step IS 'Latest validation that it may have been.';
COMMENT ON COLUMN verdicts.drift IS 'Change of the mean cosine expected over the next horizon_steps.';
COMMENT ON COLUMN verdicts.drift_low IS 'Lower end of its 90 % interval.';
COMMENT ON COLUMN verdicts.drift_high IS 'Upper end of that interval.';
COMMENT ON COLUMN verdicts.horizon_steps IS 'Steps that the drift looks ahead.';
COMMENT ON COLUMN verdicts.base_difference IS 'Last validation minus the base model, paired by prompt; NULL without base pictures.';
COMMENT ON COLUMN verdicts.base_low IS 'Lower end of its 95 % interval.';
COMMENT ON COLUMN verdicts.base_high IS 'Upper end of that interval.';
COMMENT ON COLUMN verdicts.n_prompts IS 'Prompts that were judged by.';
COMMENT ON COLUMN verdicts.n_validations IS 'Validations with a score.';
COMMENT ON COLUMN verdicts.last_step IS 'The newest of them; NULL when no score counts.';
COMMENT ON COLUMN verdicts.planned_steps IS 'Optimizer steps planned; NULL when unknown.';
COMMENT ON COLUMN verdicts.checkpoint_jitter IS 'Estimated SD by which one checkpoint moves all prompts together; NULL when too short.';
COMMENT ON COLUMN verdicts.notes IS 'Codes of what else is to be known, for example TOO_FEW_PROMPTS.';
COMMENT ON COLUMN verdicts.rules IS 'Every constant of the rule, as a JSON object.';
COMMENT ON COLUMN verdicts.clipstore_version IS 'Version of clipstore that judged.';
COMMENT ON COLUMN verdicts.scores_until IS 'Time of the newest score that was known to it.';
COMMENT ON COLUMN verdicts.judged_at IS 'When it was judged.';
