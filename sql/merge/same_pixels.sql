-- One picture, one score: of two pictures of a run with the same pixels and the same text, from
-- different sources, the one of the preferred source counts: files before TensorBoard before W&B.
-- Run, step and prompt have told most copies before; this finds, in the runs of these images, those
-- whose step one of the two sources does not know. Two pictures whose steps are both the trainer's
-- own are two, however equal, and a picture has at most one copy in a source: validations whose
-- pictures do not change keep their number. Of several equal ones the latest belong together.
INSERT INTO picture_copies BY NAME
WITH logged AS (
    SELECT runs.run_id, pictures.path, min(if(pictures.source = 'tensorboard', 1, 2)) AS source
    FROM runs
    JOIN runs AS owners ON owners.root = runs.root
    JOIN logged_pictures AS pictures ON pictures.run_id = owners.run_id
    WHERE runs.run_id IN (SELECT run_id FROM read_parquet($files))
    GROUP BY ALL
),
readings AS (
    SELECT
        run_id, step, prompt_id, image_index, panel, path, crop_id, seen_at,
        list_has_any(
            notes, ['step_by_the_log', 'step_is_epoch', 'step_of_last_checkpoint']
        ) AS step_is_inferred
    FROM images
    WHERE run_id IN (SELECT run_id FROM logged)
    QUALIFY row_number() OVER (
        PARTITION BY run_id, step, prompt_id, image_index, panel
        ORDER BY seen_at DESC, crop_id, path
    ) = 1
),
texts AS (
    SELECT
        run_id, step, prompt_id, image_index, panel, crop_id,
        arg_max(text_id, scored_at) AS text_id
    FROM scores
    WHERE run_id IN (SELECT run_id FROM logged)
    GROUP BY ALL
),
pictures AS (
    SELECT
        run_id,
        path,
        min(step) AS step,
        bool_or(step_is_inferred) AS step_is_inferred,
        min(text_id) AS text_id,
        list_sort(list(crop_id)) AS pixels,
        max(seen_at) AS seen_at
    FROM readings
    JOIN texts USING (run_id, step, prompt_id, image_index, panel, crop_id)
    GROUP BY run_id, path
),
sourced AS (
    -- A grid is logged as one: its cells have ":cell" behind its path.
    SELECT pictures.*, coalesce(logged.source, 0) AS source
    FROM pictures
    LEFT JOIN logged
        ON logged.run_id = pictures.run_id
        AND logged.path = regexp_replace(pictures.path, ':[0-9]{1,6}$', '')
),
told AS (
    SELECT copies.run_id, copies.original, logged.source
    FROM picture_copies AS copies
    JOIN logged
        ON logged.run_id = copies.run_id
        AND logged.path = regexp_replace(copies.path, ':[0-9]{1,6}$', '')
    ANTI JOIN pictures ON pictures.run_id = copies.run_id AND pictures.path = copies.path
),
copies AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY run_id, text_id, pixels, source
            ORDER BY step DESC, path
        ) AS place
    FROM sourced
    WHERE source > 0
),
originals AS (
    SELECT
        sourced.*,
        later.source AS for_source,
        row_number() OVER (
            PARTITION BY run_id, text_id, pixels, sourced.source, later.source
            ORDER BY step DESC, path
        ) AS place
    FROM sourced
    JOIN (VALUES (1), (2)) AS later (source) ON later.source > sourced.source
    ANTI JOIN told
        ON told.run_id = sourced.run_id
        AND told.original = sourced.path
        AND told.source = later.source
)
SELECT
    copies.run_id,
    copies.path,
    'same_pixels' AS rule,
    originals.path AS original,
    greatest(copies.seen_at, originals.seen_at) AS seen_at
FROM copies
JOIN originals USING (run_id, text_id, pixels, place)
WHERE originals.for_source = copies.source
  AND (copies.step_is_inferred OR originals.step_is_inferred OR copies.step = originals.step)
QUALIFY row_number() OVER (
    PARTITION BY copies.run_id, copies.path
    ORDER BY originals.source
) = 1;

-- What an older reading said of such a copy.
DELETE FROM picture_copies
USING picture_copies AS newer
WHERE newer.rule = 'same_pixels'
  AND newer.run_id IN (SELECT run_id FROM read_parquet($files))
  AND picture_copies.run_id = newer.run_id
  AND picture_copies.path = newer.path
  AND picture_copies.rowid < newer.rowid;

-- A copy has no score of its own, nor has its place an older one.
DELETE FROM scores
USING images, picture_copies AS copies
WHERE copies.rule = 'same_pixels'
  AND copies.run_id IN (SELECT run_id FROM read_parquet($files))
  AND images.run_id = copies.run_id
  AND images.path = copies.path
  AND images.seen_at <= copies.seen_at
  AND scores.run_id = images.run_id
  AND scores.step = images.step
  AND scores.prompt_id = images.prompt_id
  AND scores.image_index = images.image_index
  AND scores.panel = images.panel;

DELETE FROM images
USING images AS gone, picture_copies AS copies
WHERE copies.rule = 'same_pixels'
  AND copies.run_id IN (SELECT run_id FROM read_parquet($files))
  AND gone.run_id = copies.run_id
  AND gone.path = copies.path
  AND gone.seen_at <= copies.seen_at
  AND images.run_id = gone.run_id
  AND images.step = gone.step
  AND images.prompt_id = gone.prompt_id
  AND images.image_index = gone.image_index
  AND images.panel = gone.panel;
