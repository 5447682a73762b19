CREATE OR REPLACE VIEW run_config AS
SELECT
    coalesce(runs.name, '') AS run,
    config.key,
    config.kind,
    config.number,
    config.raw,
    config.source,
    config.run_id,
    config.seen_at
FROM config
LEFT JOIN runs USING (run_id)
QUALIFY row_number() OVER (
    PARTITION BY config.run_id, config.key
    ORDER BY config.source <> 'settings', config.seen_at DESC, config.source
) = 1;

COMMENT ON VIEW run_config IS 'One row per run and setting: what the trainer''s own files say, else the newest log.';
COMMENT ON COLUMN run_config.run IS 'Name of the run.';
COMMENT ON COLUMN run_config.key IS 'Name of the setting; of nested ones all names, joined by dots.';
COMMENT ON COLUMN run_config.kind IS 'number, boolean, text or null.';
COMMENT ON COLUMN run_config.number IS 'The value of a number; 1 or 0 of a boolean; else NULL.';
COMMENT ON COLUMN run_config.raw IS 'The value as text, as it was written.';
COMMENT ON COLUMN run_config.source IS 'settings for the trainer''s own files, else the log.';
COMMENT ON COLUMN run_config.run_id IS 'The run.';
COMMENT ON COLUMN run_config.seen_at IS 'Since when the source says so.';
