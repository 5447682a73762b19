-- The store's tables. No keys, constraints on uniqueness or indexes: they make inserts many times
-- slower, and uniqueness comes from the merge (sql/merge), which runs under one lock.

CREATE TABLE schema_version (
    version BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE schema_version IS 'Which schema files this database was made with; the highest version says what can read it.';
COMMENT ON COLUMN schema_version.version IS 'Number of the schema file; for the row named views, the schema they were made for.';
COMMENT ON COLUMN schema_version.name IS 'Name of the schema file without its number, or views.';
COMMENT ON COLUMN schema_version.sha256 IS 'SHA-256 of the SQL that was run.';
COMMENT ON COLUMN schema_version.applied_at IS 'When it was run.';

CREATE TABLE ingest_parts (
    part VARCHAR NOT NULL
);
COMMENT ON TABLE ingest_parts IS 'Parts of the spool that are in this database, so that none goes in twice.';
COMMENT ON COLUMN ingest_parts.part IS 'Folder name of the part below the spool.';

CREATE TABLE models (
    model_id BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    revision VARCHAR NOT NULL,
    weights_sha256 VARCHAR NOT NULL,
    preprocessing VARCHAR NOT NULL,
    dtype VARCHAR NOT NULL,
    dimension BIGINT NOT NULL,
    logit_scale DOUBLE NOT NULL,
    software VARCHAR NOT NULL,
    poor_below_cosine DOUBLE,
    band_low_cosine DOUBLE,
    band_high_cosine DOUBLE,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE models IS 'CLIP models that scored pictures. Scores of two models never mix.';
COMMENT ON COLUMN models.model_id IS 'Identity made of the weights, the preprocessing and the dtype.';
COMMENT ON COLUMN models.name IS 'Hub id, or the folder name of a local model.';
COMMENT ON COLUMN models.revision IS 'Hub commit where known, else empty.';
COMMENT ON COLUMN models.weights_sha256 IS 'SHA-256 of the weights file.';
COMMENT ON COLUMN models.preprocessing IS 'Version of the pixel path that the pictures went through.';
COMMENT ON COLUMN models.dtype IS 'Arithmetic of the image tower: float32, float16 or bfloat16.';
COMMENT ON COLUMN models.dimension IS 'Length of an embedding vector.';
COMMENT ON COLUMN models.logit_scale IS 'Exponential of the learned temperature; 1 where there is none.';
COMMENT ON COLUMN models.software IS 'Versions of the software that computed the scores.';
COMMENT ON COLUMN models.poor_below_cosine IS 'Mean cosine under which pictures hardly follow their prompts; NULL when not known for this model.';
COMMENT ON COLUMN models.band_low_cosine IS 'Mean cosine from which differences stop being informative; NULL when not known.';
COMMENT ON COLUMN models.band_high_cosine IS 'Upper end of that band; NULL when not known.';
COMMENT ON COLUMN models.seen_at IS 'Since when ingests describe the model so.';

CREATE TABLE runs (
    run_id BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    root VARCHAR NOT NULL,
    layout VARCHAR NOT NULL,
    layout_reason VARCHAR NOT NULL,
    variant VARCHAR NOT NULL,
    planned_steps BIGINT,
    config VARCHAR NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE runs IS 'Training runs. One row each: the newest description replaces an older one.';
COMMENT ON COLUMN runs.run_id IS 'Identity made of root and variant.';
COMMENT ON COLUMN runs.name IS 'The path of the run folder below the ingested folder.';
COMMENT ON COLUMN runs.root IS 'The run folder, absolute.';
COMMENT ON COLUMN runs.layout IS 'Which reader recognised the folder.';
COMMENT ON COLUMN runs.layout_reason IS 'Why that reader claims the folder.';
COMMENT ON COLUMN runs.variant IS 'Which adapter of several the pictures show; empty for ordinary runs.';
COMMENT ON COLUMN runs.planned_steps IS 'Optimizer steps that the config asks for; NULL when unknown.';
COMMENT ON COLUMN runs.config IS 'The trainer''s own settings as a JSON object.';
COMMENT ON COLUMN runs.seen_at IS 'Since when ingests describe the run so.';

CREATE TABLE prompts (
    text_id BIGINT NOT NULL,
    text VARCHAR NOT NULL,
    is_blank BOOLEAN NOT NULL
);
COMMENT ON TABLE prompts IS 'Prompt texts. An edited prompt is another text.';
COMMENT ON COLUMN prompts.text_id IS 'Identity made of the text.';
COMMENT ON COLUMN prompts.text IS 'Exactly what the text encoder was given.';
COMMENT ON COLUMN prompts.is_blank IS 'True for the unconditional prompt, which is part of no mean.';

CREATE TABLE run_prompts (
    run_id BIGINT NOT NULL,
    prompt_id VARCHAR NOT NULL,
    text_id BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    tags VARCHAR NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE run_prompts IS 'Which text each prompt id of a run stands for; with several rows the newest holds.';
COMMENT ON COLUMN run_prompts.run_id IS 'The run.';
COMMENT ON COLUMN run_prompts.prompt_id IS 'The trainer''s short name of the prompt, unique within a run.';
COMMENT ON COLUMN run_prompts.text_id IS 'The text it stands for.';
COMMENT ON COLUMN run_prompts.source IS 'Where the text was found.';
COMMENT ON COLUMN run_prompts.tags IS 'Name and value pairs from the prompt file, as a JSON object.';
COMMENT ON COLUMN run_prompts.seen_at IS 'Since when ingests find it so.';

CREATE TABLE prompt_tokens (
    model_id BIGINT NOT NULL,
    text_id BIGINT NOT NULL,
    token_count BIGINT NOT NULL,
    is_truncated BOOLEAN NOT NULL
);
COMMENT ON TABLE prompt_tokens IS 'How long each text is for each model.';
COMMENT ON COLUMN prompt_tokens.model_id IS 'The model whose tokenizer counted.';
COMMENT ON COLUMN prompt_tokens.text_id IS 'The text.';
COMMENT ON COLUMN prompt_tokens.token_count IS 'Tokens of the whole text, begin and end marks included.';
COMMENT ON COLUMN prompt_tokens.is_truncated IS 'True when the model saw only the beginning of the text.';

CREATE TABLE images (
    run_id BIGINT NOT NULL,
    step BIGINT NOT NULL,
    epoch BIGINT,
    prompt_id VARCHAR NOT NULL,
    image_index BIGINT NOT NULL,
    panel VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    file_sha256 VARCHAR NOT NULL,
    file_size_bytes BIGINT NOT NULL,
    file_modified_ns BIGINT NOT NULL,
    box_left BIGINT NOT NULL,
    box_top BIGINT NOT NULL,
    box_right BIGINT NOT NULL,
    box_bottom BIGINT NOT NULL,
    crop_method VARCHAR NOT NULL,
    crop_confidence DOUBLE NOT NULL,
    notes VARCHAR[] NOT NULL,
    crop_id BIGINT NOT NULL,
    ingest_id BIGINT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE images IS 'Panels of picture files as they were read. A file that changed has several rows; the newest holds.';
COMMENT ON COLUMN images.run_id IS 'The run.';
COMMENT ON COLUMN images.step IS 'Optimizer step by the file name; 0 for pictures of the base model.';
COMMENT ON COLUMN images.epoch IS 'Epoch where the trainer says it, else NULL.';
COMMENT ON COLUMN images.prompt_id IS 'The trainer''s short name of the prompt.';
COMMENT ON COLUMN images.image_index IS 'Which of several pictures of this prompt at this step, from 0.';
COMMENT ON COLUMN images.panel IS 'Whose picture: checkpoint, ema, base, or only.';
COMMENT ON COLUMN images.path IS 'The file, relative to the root of the run.';
COMMENT ON COLUMN images.file_sha256 IS 'SHA-256 of the file.';
COMMENT ON COLUMN images.file_size_bytes IS 'Size of the file.';
COMMENT ON COLUMN images.file_modified_ns IS 'Modification time of the file, nanoseconds since 1970.';
COMMENT ON COLUMN images.box_left IS 'Left edge of the panel in the file, pixels.';
COMMENT ON COLUMN images.box_top IS 'Top edge of the panel in the file, pixels.';
COMMENT ON COLUMN images.box_right IS 'Right edge of the panel in the file, pixels, exclusive.';
COMMENT ON COLUMN images.box_bottom IS 'Bottom edge of the panel in the file, pixels, exclusive.';
COMMENT ON COLUMN images.crop_method IS 'What decided the box; whole for a file with one clean picture.';
COMMENT ON COLUMN images.crop_confidence IS 'Confidence in the box, 0 to 1.';
COMMENT ON COLUMN images.notes IS 'Facts that touch the score, for example label_overlay.';
COMMENT ON COLUMN images.crop_id IS 'Identity of the pixels in the box.';
COMMENT ON COLUMN images.ingest_id IS 'The ingest that read it.';
COMMENT ON COLUMN images.seen_at IS 'When it was read.';

CREATE TABLE scores (
    model_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    step BIGINT NOT NULL,
    prompt_id VARCHAR NOT NULL,
    image_index BIGINT NOT NULL,
    panel VARCHAR NOT NULL,
    text_id BIGINT NOT NULL,
    crop_id BIGINT NOT NULL,
    cosine FLOAT NOT NULL CHECK (isfinite(cosine)),
    ingest_id BIGINT NOT NULL,
    scored_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE scores IS 'All scores ever computed. A picture that changed has several; the newest holds (view current_scores).';
COMMENT ON COLUMN scores.model_id IS 'The model that scored.';
COMMENT ON COLUMN scores.run_id IS 'The run.';
COMMENT ON COLUMN scores.step IS 'Optimizer step; 0 for pictures of the base model.';
COMMENT ON COLUMN scores.prompt_id IS 'The trainer''s short name of the prompt.';
COMMENT ON COLUMN scores.image_index IS 'Which of several pictures of this prompt at this step, from 0.';
COMMENT ON COLUMN scores.panel IS 'Whose picture: checkpoint, ema, base, or only.';
COMMENT ON COLUMN scores.text_id IS 'The text it was scored against.';
COMMENT ON COLUMN scores.crop_id IS 'The pixels that were scored.';
COMMENT ON COLUMN scores.cosine IS 'Cosine of picture and text vector, -1 to 1. Trainers log 100 times this.';
COMMENT ON COLUMN scores.ingest_id IS 'The ingest that scored it.';
COMMENT ON COLUMN scores.scored_at IS 'When it was scored.';

CREATE TABLE embeddings (
    model_id BIGINT NOT NULL,
    crop_id BIGINT NOT NULL,
    vector FLOAT[] NOT NULL
);
COMMENT ON TABLE embeddings IS 'Picture vectors of length 1. May be dropped: nothing but rescoring without the model needs it.';
COMMENT ON COLUMN embeddings.model_id IS 'The model that made it.';
COMMENT ON COLUMN embeddings.crop_id IS 'The pixels it describes.';
COMMENT ON COLUMN embeddings.vector IS 'The vector, as long as models.dimension says.';

CREATE TABLE problems (
    run_id BIGINT,
    path VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    detail VARCHAR NOT NULL,
    is_pending BOOLEAN NOT NULL,
    file_size_bytes BIGINT,
    file_modified_ns BIGINT,
    ingest_id BIGINT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE problems IS 'Files that could not become scores, by every ingest that saw them (view current_problems for the newest).';
COMMENT ON COLUMN problems.run_id IS 'The run; NULL when the file belongs to none.';
COMMENT ON COLUMN problems.path IS 'The file, relative to the root of the run; absolute when it belongs to no run.';
COMMENT ON COLUMN problems.stage IS 'Where it failed: find, name, prompt, read, decode, cut or score.';
COMMENT ON COLUMN problems.reason IS 'A short fixed code; what counts are grouped by.';
COMMENT ON COLUMN problems.detail IS 'What is wrong with the file and what to do.';
COMMENT ON COLUMN problems.is_pending IS 'True when the file may still become readable: the next ingest tries again.';
COMMENT ON COLUMN problems.file_size_bytes IS 'Size of the file when it was seen; NULL when it could not be told.';
COMMENT ON COLUMN problems.file_modified_ns IS 'Modification time of the file then, nanoseconds since 1970; NULL when it could not be told.';
COMMENT ON COLUMN problems.ingest_id IS 'The ingest that met it.';
COMMENT ON COLUMN problems.seen_at IS 'When it was met.';

CREATE TABLE ingests (
    ingest_id BIGINT NOT NULL,
    root VARCHAR NOT NULL,
    model_id BIGINT,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    clipstore_version VARCHAR NOT NULL,
    n_seen BIGINT NOT NULL,
    n_scored BIGINT NOT NULL,
    n_known BIGINT NOT NULL,
    n_pending BIGINT NOT NULL,
    n_refused BIGINT NOT NULL,
    n_skipped BIGINT NOT NULL,
    skipped_by_rule VARCHAR NOT NULL
);
COMMENT ON TABLE ingests IS 'Every ingest and what became of the files it saw: n_seen is the sum of the other counts.';
COMMENT ON COLUMN ingests.ingest_id IS 'Identity of the ingest.';
COMMENT ON COLUMN ingests.root IS 'The folder that was ingested, absolute.';
COMMENT ON COLUMN ingests.model_id IS 'The model that scored; NULL when none was loaded.';
COMMENT ON COLUMN ingests.started_at IS 'When it began.';
COMMENT ON COLUMN ingests.finished_at IS 'When it ended; NULL when it was interrupted.';
COMMENT ON COLUMN ingests.clipstore_version IS 'Version of clipstore that ran it.';
COMMENT ON COLUMN ingests.n_seen IS 'Files seen.';
COMMENT ON COLUMN ingests.n_scored IS 'Files scored by this ingest.';
COMMENT ON COLUMN ingests.n_known IS 'Files that the store already had scores of.';
COMMENT ON COLUMN ingests.n_pending IS 'Files that may still become readable.';
COMMENT ON COLUMN ingests.n_refused IS 'Files that cannot be scored, listed in problems.';
COMMENT ON COLUMN ingests.n_skipped IS 'Files that a stated rule leaves alone.';
COMMENT ON COLUMN ingests.skipped_by_rule IS 'How many files each rule left alone, as a JSON object.';
