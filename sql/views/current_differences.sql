CREATE OR REPLACE VIEW current_differences AS
WITH scored AS (
    SELECT model_id, run_id, max(scored_at) AS last_scored_at
    FROM scores
    GROUP BY model_id, run_id
),
of_model AS (
    SELECT model_id, max(last_scored_at) AS last_scored_at FROM scored GROUP BY model_id
)
SELECT
    coalesce(model_labels.model, '') AS model,
    coalesce(runs_a.name, '') AS run_a,
    CASE
        WHEN run_differences.run_b_id IS NULL THEN 'base model'
        ELSE coalesce(runs_b.name, '')
    END AS run_b,
    run_differences.*,
    coalesce(
        CASE
            WHEN run_differences.selection IS NULL THEN of_model.last_scored_at
            ELSE max(scored.last_scored_at) OVER together
        END > run_differences.scores_until,
        false
    ) OR coalesce(model_bands.calibrated_at > run_differences.compared_at, false) AS is_stale
FROM run_differences
LEFT JOIN model_labels USING (model_id)
LEFT JOIN model_bands USING (model_id)
LEFT JOIN of_model USING (model_id)
LEFT JOIN scored
    ON scored.model_id = run_differences.model_id AND scored.run_id = run_differences.run_a_id
LEFT JOIN runs AS runs_a ON runs_a.run_id = run_differences.run_a_id
LEFT JOIN runs AS runs_b ON runs_b.run_id = run_differences.run_b_id
WINDOW together AS (
    PARTITION BY
        run_differences.model_id,
        run_differences.selection,
        run_differences.changed_rules
);

COMMENT ON VIEW current_differences IS 'The runs of a model with each other and each with its own base model (run_b is base model), paired by prompt, as the last `clipstore report` of all runs compared them (selection is NULL) and the last one of some. By the usual constants (changed_rules is NULL) and by the others last asked with.';
COMMENT ON COLUMN current_differences.model IS 'Name of the CLIP model. Scores of two models never mix.';
COMMENT ON COLUMN current_differences.run_a IS 'Name of the run whose verdict this is.';
COMMENT ON COLUMN current_differences.run_b IS 'Name of the run it is held against, or base model.';
COMMENT ON COLUMN current_differences.model_id IS 'The model that scored.';
COMMENT ON COLUMN current_differences.run_a_id IS 'The run whose verdict this is.';
COMMENT ON COLUMN current_differences.run_b_id IS 'The run it is held against; NULL for the pictures of its own base model.';
COMMENT ON COLUMN current_differences.verdict IS 'Of run_a, with all pairs allowed for: higher, lower, cannot tell, not rankable by CLIP (both may be in the band) or not comparable.';
COMMENT ON COLUMN current_differences.reason IS 'Why the pair is not rankable or not comparable; else NULL.';
COMMENT ON COLUMN current_differences.n_prompts IS 'Common prompts: the same id with the same text.';
COMMENT ON COLUMN current_differences.level_a IS 'Mean of run_a over the common prompts and its flat end (its last quarter where it is not flat); NULL when not comparable, like those below.';
COMMENT ON COLUMN current_differences.level_b IS 'The same of run_b, or of the base model''s pictures.';
COMMENT ON COLUMN current_differences.difference IS 'level_a minus level_b.';
COMMENT ON COLUMN current_differences.low IS 'Lower end of the 95 % interval of this difference alone; the shake of checkpoints is in it.';
COMMENT ON COLUMN current_differences.high IS 'Upper end of that interval.';
COMMENT ON COLUMN current_differences.p_holm IS 'Adjusted for all pairs compared together (Holm).';
COMMENT ON COLUMN current_differences.alpha IS 'Chance of one wrong higher or lower among all pairs.';
COMMENT ON COLUMN current_differences.wanted_difference IS 'Differences smaller than this would hardly matter.';
COMMENT ON COLUMN current_differences.n_runs IS 'Runs that were compared together; p_holm and the interval depend on them.';
COMMENT ON COLUMN current_differences.selection IS 'Which runs were asked for, as a JSON object with the names and the date of --run and --since; NULL for all.';
COMMENT ON COLUMN current_differences.changed_rules IS 'The constants of the verdict and of comparing that were not the usual ones, as a JSON object; NULL when all were.';
COMMENT ON COLUMN current_differences.scores_until IS 'Time of the newest score of the compared runs that was known to it.';
COMMENT ON COLUMN current_differences.compared_at IS 'When they were compared.';
COMMENT ON COLUMN current_differences.is_stale IS 'True when there are scores, or a calibration, that it does not know: `clipstore report` compares anew.';
