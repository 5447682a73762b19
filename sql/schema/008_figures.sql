-- What a report prints of single validations and of pairs of runs, so that SQL gives it too. Of these
-- no history is kept: they are many rows, and the scores give them anew.

CREATE TABLE step_intervals (
    model_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    step BIGINT NOT NULL,
    adjusted_mean DOUBLE,
    low DOUBLE,
    high DOUBLE,
    changed_rules VARCHAR,
    scores_until TIMESTAMPTZ NOT NULL,
    judged_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE step_intervals IS 'How sure clip/mean is at every validation (view current_intervals). Written with the verdicts; the newest replace the older ones, by the usual constants and beside those by the others last asked with. Raw cosines, to nine decimals.';
COMMENT ON COLUMN step_intervals.model_id IS 'The model that scored.';
COMMENT ON COLUMN step_intervals.run_id IS 'The run.';
COMMENT ON COLUMN step_intervals.step IS 'The validation, in optimizer steps.';
COMMENT ON COLUMN step_intervals.adjusted_mean IS 'clip/mean with missing prompts accounted for: its middle is what the interval is of. NULL when no score counts.';
COMMENT ON COLUMN step_intervals.low IS 'Lower end of its 95 % interval for these prompts: picture noise and the shake of a checkpoint.';
COMMENT ON COLUMN step_intervals.high IS 'Upper end of that interval.';
COMMENT ON COLUMN step_intervals.changed_rules IS 'The constants of the verdict that were not the usual ones, as in verdicts; NULL when all were.';
COMMENT ON COLUMN step_intervals.scores_until IS 'Time of the newest score of the run that was known to it.';
COMMENT ON COLUMN step_intervals.judged_at IS 'When it was computed.';

CREATE TABLE best_checkpoints (
    model_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    best_step BIGINT,
    steps BIGINT[] NOT NULL,
    n_validations BIGINT NOT NULL,
    changed_rules VARCHAR,
    scores_until TIMESTAMPTZ NOT NULL,
    judged_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE best_checkpoints IS 'Which validations of a run cannot be told from its best one (view current_best_checkpoints). Written with the verdicts; the newest replaces the older one, as in step_intervals.';
COMMENT ON COLUMN best_checkpoints.model_id IS 'The model that scored.';
COMMENT ON COLUMN best_checkpoints.run_id IS 'The run.';
COMMENT ON COLUMN best_checkpoints.best_step IS 'The highest mean; NULL where it may lie in the band, where no checkpoint is ahead of another, and where nothing could be compared.';
COMMENT ON COLUMN best_checkpoints.steps IS 'Holds the truly best one with 95 % confidence; in the band all that may lie there.';
COMMENT ON COLUMN best_checkpoints.n_validations IS 'Validations that were held against each other; 0 with fewer than two, or too few prompts.';
COMMENT ON COLUMN best_checkpoints.changed_rules IS 'The constants of the verdict and of comparing that were not the usual ones, as a JSON object; NULL when all were.';
COMMENT ON COLUMN best_checkpoints.scores_until IS 'Time of the newest score of the run that was known to it.';
COMMENT ON COLUMN best_checkpoints.judged_at IS 'When it was computed.';

CREATE TABLE run_differences (
    model_id BIGINT NOT NULL,
    run_a_id BIGINT NOT NULL,
    run_b_id BIGINT,
    verdict VARCHAR NOT NULL,
    reason VARCHAR,
    n_prompts BIGINT NOT NULL,
    level_a DOUBLE,
    level_b DOUBLE,
    difference DOUBLE,
    low DOUBLE,
    high DOUBLE,
    p_holm DOUBLE,
    alpha DOUBLE NOT NULL,
    wanted_difference DOUBLE NOT NULL,
    n_runs BIGINT NOT NULL,
    selection VARCHAR,
    changed_rules VARCHAR,
    scores_until TIMESTAMPTZ NOT NULL,
    compared_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE run_differences IS 'The runs of a model with each other and each with its own base model, paired by prompt, as the last report compared them (view current_differences). A report of all runs replaces the rows of the one before, a report of some runs those of the last one of some; changed constants have rows of their own in the same way. Differences are raw cosines, run_a minus run_b, to nine decimals.';
COMMENT ON COLUMN run_differences.model_id IS 'The model that scored.';
COMMENT ON COLUMN run_differences.run_a_id IS 'The run whose verdict this is.';
COMMENT ON COLUMN run_differences.run_b_id IS 'The run it is held against; NULL for the pictures of its own base model.';
COMMENT ON COLUMN run_differences.verdict IS 'Of run_a, with all pairs allowed for: higher, lower, cannot tell, not rankable by CLIP (both may be in the band) or not comparable.';
COMMENT ON COLUMN run_differences.reason IS 'Why the pair is not rankable or not comparable; else NULL.';
COMMENT ON COLUMN run_differences.n_prompts IS 'Common prompts: the same id with the same text.';
COMMENT ON COLUMN run_differences.level_a IS 'Mean of run_a over the common prompts and its flat end (its last quarter where it is not flat); NULL when not comparable, like those below.';
COMMENT ON COLUMN run_differences.level_b IS 'The same of run_b, or of the base model''s pictures.';
COMMENT ON COLUMN run_differences.difference IS 'level_a minus level_b.';
COMMENT ON COLUMN run_differences.low IS 'Lower end of the 95 % interval of this difference alone; the shake of checkpoints is in it.';
COMMENT ON COLUMN run_differences.high IS 'Upper end of that interval.';
COMMENT ON COLUMN run_differences.p_holm IS 'Adjusted for all pairs compared together (Holm).';
COMMENT ON COLUMN run_differences.alpha IS 'Chance of one wrong higher or lower among all pairs.';
COMMENT ON COLUMN run_differences.wanted_difference IS 'Differences smaller than this would hardly matter.';
COMMENT ON COLUMN run_differences.n_runs IS 'Runs that were compared together; p_holm and the interval depend on them.';
COMMENT ON COLUMN run_differences.selection IS 'Which runs were asked for, as a JSON object with the names and the date of --run and --since; NULL for all.';
COMMENT ON COLUMN run_differences.changed_rules IS 'The constants of the verdict and of comparing that were not the usual ones, as a JSON object; NULL when all were.';
COMMENT ON COLUMN run_differences.scores_until IS 'Time of the newest score of the compared runs that was known to it.';
COMMENT ON COLUMN run_differences.compared_at IS 'When they were compared.';

ALTER TABLE verdicts ADD COLUMN base_mean DOUBLE;
COMMENT ON COLUMN verdicts.base_mean IS 'Mean of the base model over the prompts of base_difference; NULL without base pictures, and in rows of an older clipstore.';
COMMENT ON TABLE verdicts IS 'Verdicts by run, model and changed rules, with what they rest on. History: the newest holds (view current_verdicts). Levels and changes are raw cosines, to nine decimals.';
