-- History is kept, nothing twice: a reading is added unless it says what the newest row of its key
-- says, or the same reading is stored with a later time.
INSERT INTO images BY NAME
WITH incoming AS (
    SELECT * FROM read_parquet($files)
    QUALIFY row_number() OVER (
        PARTITION BY run_id, step, prompt_id, image_index, panel,
            path, file_sha256, file_size_bytes, file_modified_ns, epoch,
            box_left, box_top, box_right, box_bottom, crop_method, notes, crop_id
        ORDER BY seen_at DESC
    ) = 1
),
stored AS (
    SELECT
        images.*,
        max(seen_at) OVER (PARTITION BY run_id, step, prompt_id, image_index, panel) AS newest
    FROM images
    SEMI JOIN incoming USING (run_id, step, prompt_id, image_index, panel)
)
SELECT incoming.*
FROM incoming
ANTI JOIN stored
    ON incoming.run_id = stored.run_id
    AND incoming.step = stored.step
    AND incoming.prompt_id = stored.prompt_id
    AND incoming.image_index = stored.image_index
    AND incoming.panel = stored.panel
    AND incoming.path = stored.path
    AND incoming.file_sha256 = stored.file_sha256
    AND incoming.file_size_bytes = stored.file_size_bytes
    AND incoming.file_modified_ns = stored.file_modified_ns
    AND incoming.epoch IS NOT DISTINCT FROM stored.epoch
    AND incoming.box_left = stored.box_left
    AND incoming.box_top = stored.box_top
    AND incoming.box_right = stored.box_right
    AND incoming.box_bottom = stored.box_bottom
    AND incoming.crop_method = stored.crop_method
    AND incoming.notes = stored.notes
    AND incoming.crop_id = stored.crop_id
    AND (stored.seen_at = stored.newest OR stored.seen_at >= incoming.seen_at);
