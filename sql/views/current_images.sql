CREATE OR REPLACE VIEW current_images AS
SELECT *
FROM images
QUALIFY row_number() OVER (
    PARTITION BY run_id, step, prompt_id, image_index, panel
    ORDER BY seen_at DESC, crop_id, path
) = 1;

COMMENT ON VIEW current_images IS 'The reading that holds for each run, step, prompt, image and panel: the newest.';
COMMENT ON COLUMN current_images.run_id IS 'The run.';
COMMENT ON COLUMN current_images.step IS 'Optimizer step; 0 for pictures of the base model.';
COMMENT ON COLUMN current_images.epoch IS 'Epoch where the trainer says it, else NULL.';
COMMENT ON COLUMN current_images.prompt_id IS 'The trainer''s short name of the prompt.';
COMMENT ON COLUMN current_images.image_index IS 'Which of several pictures of this prompt at this step, from 0.';
COMMENT ON COLUMN current_images.panel IS 'Whose pictures: checkpoint, ema, base, or only. Panels never mix.';
COMMENT ON COLUMN current_images.path IS 'The file, relative to the root of the run.';
COMMENT ON COLUMN current_images.file_sha256 IS 'SHA-256 of the file.';
COMMENT ON COLUMN current_images.file_size_bytes IS 'Size of the file.';
COMMENT ON COLUMN current_images.file_modified_ns IS 'Modification time of the file, nanoseconds since 1970.';
COMMENT ON COLUMN current_images.box_left IS 'Left edge of the panel in the file, pixels.';
COMMENT ON COLUMN current_images.box_top IS 'Top edge of the panel in the file, pixels.';
COMMENT ON COLUMN current_images.box_right IS 'Right edge of the panel in the file, pixels, exclusive.';
COMMENT ON COLUMN current_images.box_bottom IS 'Bottom edge of the panel in the file, pixels, exclusive.';
COMMENT ON COLUMN current_images.crop_method IS 'What decided the box; whole for a file with one clean picture.';
COMMENT ON COLUMN current_images.crop_confidence IS 'Confidence in the box, 0 to 1.';
COMMENT ON COLUMN current_images.notes IS 'Facts that touch the score, for example label_overlay.';
COMMENT ON COLUMN current_images.crop_id IS 'Identity of the pixels in the box.';
COMMENT ON COLUMN current_images.ingest_id IS 'The ingest that read it.';
COMMENT ON COLUMN current_images.seen_at IS 'When it was read.';
