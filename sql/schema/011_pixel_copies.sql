-- Copies that run, step and prompt do not tell are told by their pixels, once they were read.
COMMENT ON COLUMN picture_copies.rule IS 'copy_of_picture (told by run, step and prompt), same_pixels (told when it was read), copy_of_base_picture, or logged_again for one that was drawn anew after a resume.';
