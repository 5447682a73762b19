CREATE OR REPLACE VIEW current_scalars AS
WITH told AS (
    SELECT
        *,
        min(step) OVER (
            PARTITION BY run_id, source, tag
            ORDER BY wall_time NULLS FIRST, step
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS lowest_later_step
    FROM scalars
)
SELECT
    coalesce(runs.name, '') AS run,
    told.tag,
    told.step,
    told.value / told.scale AS value,
    told.value AS logged_value,
    told.scale,
    told.wall_time,
    told.source,
    told.path,
    told.run_id
FROM told
LEFT JOIN runs USING (run_id)
WHERE told.lowest_later_step IS NULL OR told.step < told.lowest_later_step
QUALIFY row_number() OVER (
    PARTITION BY told.run_id, told.tag, told.step
    ORDER BY
        list_position(
            ['tensorboard', 'simpletuner_metrics', 'ai_toolkit_losses', 'wandb'], told.source
        ) NULLS LAST,
        told.wall_time DESC NULLS LAST,
        told.path DESC
) = 1;

COMMENT ON VIEW current_scalars IS 'One row per run, tag and step: the scalar that holds. Where a training went back to an earlier checkpoint, what was logged after that step before is left out; of several logs the first of tensorboard, simpletuner_metrics, ai_toolkit_losses, wandb counts.';
COMMENT ON COLUMN current_scalars.run IS 'Name of the run.';
COMMENT ON COLUMN current_scalars.tag IS 'Name as the trainer logs it.';
COMMENT ON COLUMN current_scalars.step IS 'Step as the log has it. SimpleTuner logs clip/* one step after the pictures.';
COMMENT ON COLUMN current_scalars.value IS 'The number in its plain unit: of clip/* the cosine. NULL for NaN and infinity.';
COMMENT ON COLUMN current_scalars.logged_value IS 'The number as logged.';
COMMENT ON COLUMN current_scalars.scale IS 'logged_value / value.';
COMMENT ON COLUMN current_scalars.wall_time IS 'When it was logged; NULL when the log does not say.';
COMMENT ON COLUMN current_scalars.source IS 'Kind of log.';
COMMENT ON COLUMN current_scalars.path IS 'The log, relative to the root of the run.';
COMMENT ON COLUMN current_scalars.run_id IS 'The run.';
