-- Copies of pictures that count elsewhere: every skipped one with what it is a copy of.

CREATE TABLE picture_copies (
    run_id BIGINT NOT NULL,
    path VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    original VARCHAR NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE picture_copies IS 'Pictures that are left alone because another file or log has them too, one row each (`clipstore query copies`).';
COMMENT ON COLUMN picture_copies.run_id IS 'The run.';
COMMENT ON COLUMN picture_copies.path IS 'The copy, relative to the root of the run: a file, or file#first_byte+bytes for one inside a log, which logged_pictures lists by tag and step.';
COMMENT ON COLUMN picture_copies.rule IS 'copy_of_picture, copy_of_base_picture, or logged_again for one that was drawn anew after a resume.';
COMMENT ON COLUMN picture_copies.original IS 'The picture that counts in its place, addressed the same way.';
COMMENT ON COLUMN picture_copies.seen_at IS 'Since when ingests find it so.';
