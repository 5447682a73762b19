-- What the trainers' own logs say: scalars, settings, pictures inside logs, and how far each log was
-- read.

CREATE TABLE scalars (
    run_id BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    tag VARCHAR NOT NULL,
    step BIGINT NOT NULL,
    wall_time TIMESTAMPTZ,
    value DOUBLE,
    scale DOUBLE NOT NULL
);
COMMENT ON TABLE scalars IS 'Every scalar of every log, as it was logged (view current_scalars for the one that holds).';
COMMENT ON COLUMN scalars.run_id IS 'The run.';
COMMENT ON COLUMN scalars.source IS 'Kind of log: tensorboard, wandb, simpletuner_metrics or ai_toolkit_losses.';
COMMENT ON COLUMN scalars.path IS 'The log, relative to the root of the run; absolute when it lies elsewhere.';
COMMENT ON COLUMN scalars.tag IS 'Name as the trainer logs it, for example clip/mean.';
COMMENT ON COLUMN scalars.step IS 'Step as the log has it. SimpleTuner logs clip/* one step after the pictures.';
COMMENT ON COLUMN scalars.wall_time IS 'When it was logged; NULL when the log does not say.';
COMMENT ON COLUMN scalars.value IS 'The number as logged; NULL for NaN and infinity.';
COMMENT ON COLUMN scalars.scale IS 'How many times the plain unit it is: 100 for clip/*, which value / scale turns into a cosine; else 1.';

CREATE TABLE config (
    run_id BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    number DOUBLE,
    raw VARCHAR NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE config IS 'The settings of every run, one row each; a newer reading of a source replaces all rows of the older one (view run_config for one row per setting).';
COMMENT ON COLUMN config.run_id IS 'The run.';
COMMENT ON COLUMN config.source IS 'Where it was read: settings for the trainer''s own files, else the log.';
COMMENT ON COLUMN config.key IS 'Name of the setting; of nested ones all names, joined by dots, list items by number.';
COMMENT ON COLUMN config.kind IS 'number, boolean, text or null, also where the file has a number or a boolean in quotes.';
COMMENT ON COLUMN config.number IS 'The value of a number; 1 or 0 of a boolean; else NULL.';
COMMENT ON COLUMN config.raw IS 'The value as text, as it was written.';
COMMENT ON COLUMN config.seen_at IS 'Since when the source says so.';

CREATE TABLE log_files (
    run_id BIGINT NOT NULL,
    path VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    last_step BIGINT,
    head_sha256 VARCHAR NOT NULL,
    head_bytes BIGINT NOT NULL,
    n_scalars BIGINT NOT NULL,
    n_pictures BIGINT NOT NULL,
    n_damaged BIGINT NOT NULL,
    detail VARCHAR NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE log_files IS 'How far each log was read, one row each; the next ingest goes on from there.';
COMMENT ON COLUMN log_files.run_id IS 'The run.';
COMMENT ON COLUMN log_files.path IS 'The log, relative to the root of the run; absolute when it lies elsewhere.';
COMMENT ON COLUMN log_files.source IS 'Kind of log, as in scalars.';
COMMENT ON COLUMN log_files.position IS 'Where reading goes on: a byte; for a database of losses its last row.';
COMMENT ON COLUMN log_files.last_step IS 'Step of the last scalar before that; NULL when there was none.';
COMMENT ON COLUMN log_files.head_sha256 IS 'SHA-256 of its first head_bytes: a log that begins otherwise is another one and is read from its start.';
COMMENT ON COLUMN log_files.head_bytes IS 'How many bytes that is.';
COMMENT ON COLUMN log_files.n_scalars IS 'Scalars read from it.';
COMMENT ON COLUMN log_files.n_pictures IS 'Pictures found in it.';
COMMENT ON COLUMN log_files.n_damaged IS 'Damaged places that were passed over.';
COMMENT ON COLUMN log_files.detail IS 'What is wrong with it and what that costs; empty when nothing is.';
COMMENT ON COLUMN log_files.seen_at IS 'When it was read so far.';

CREATE TABLE logged_pictures (
    run_id BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    log VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    tag VARCHAR NOT NULL,
    item BIGINT NOT NULL,
    n_items BIGINT NOT NULL,
    caption VARCHAR,
    step BIGINT NOT NULL,
    last_step BIGINT,
    wall_time TIMESTAMPTZ
);
COMMENT ON TABLE logged_pictures IS 'Pictures that the logs hold or name. Those that are scored are in images too.';
COMMENT ON COLUMN logged_pictures.run_id IS 'The run.';
COMMENT ON COLUMN logged_pictures.source IS 'Kind of log, as in scalars.';
COMMENT ON COLUMN logged_pictures.log IS 'The log, relative to the root of the run; absolute when it lies elsewhere.';
COMMENT ON COLUMN logged_pictures.path IS 'The picture: a file, or file#first_byte+bytes for one inside a log.';
COMMENT ON COLUMN logged_pictures.tag IS 'Name under which it was logged.';
COMMENT ON COLUMN logged_pictures.item IS 'Which of the pictures logged together under this name, from 0.';
COMMENT ON COLUMN logged_pictures.n_items IS 'How many those are.';
COMMENT ON COLUMN logged_pictures.caption IS 'Its caption; NULL when the log has none.';
COMMENT ON COLUMN logged_pictures.step IS 'Step as the log has it.';
COMMENT ON COLUMN logged_pictures.last_step IS 'Step of the last scalar logged before it; NULL when there was none.';
COMMENT ON COLUMN logged_pictures.wall_time IS 'When it was logged; NULL when the log does not say.';

-- Settings that the store has already, by their outermost names; the next ingest takes them apart.
INSERT INTO config
WITH entries AS (
    SELECT
        run_id,
        seen_at,
        unnest(map_entries(config::JSON::MAP(VARCHAR, JSON)), recursive := true)
    FROM runs
),
texts AS (
    SELECT *, coalesce(value ->> '$', 'null') AS raw, json_type(value) AS json_kind FROM entries
)
SELECT
    run_id,
    'settings',
    key,
    CASE
        WHEN try_cast(raw AS DOUBLE) IS NOT NULL THEN 'number'
        WHEN lower(raw) IN ('true', 'false') THEN 'boolean'
        WHEN json_kind = 'NULL' THEN 'null'
        ELSE 'text'
    END,
    coalesce(try_cast(raw AS DOUBLE), CASE lower(raw) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END),
    raw,
    seen_at
FROM texts;
