-- Text vectors beside the picture vectors, so that any picture can be held against any prompt.

CREATE TABLE text_embeddings (
    model_id BIGINT NOT NULL,
    text_id BIGINT NOT NULL,
    vector FLOAT[] NOT NULL
);
COMMENT ON TABLE text_embeddings IS 'Prompt vectors of length 1. May be dropped, as embeddings may: then pictures are not held against other prompts.';
COMMENT ON COLUMN text_embeddings.model_id IS 'The model that made it.';
COMMENT ON COLUMN text_embeddings.text_id IS 'The text it describes.';
COMMENT ON COLUMN text_embeddings.vector IS 'The vector, as long as models.dimension says.';
