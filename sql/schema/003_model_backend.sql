-- What else makes a scorer's numbers, and what it made of a fixed probe. DuckDB adds columns without
-- constraints, which follow.
ALTER TABLE models ADD COLUMN backend VARCHAR DEFAULT '';
ALTER TABLE models ALTER COLUMN backend SET NOT NULL;
ALTER TABLE models ADD COLUMN tokenizer_sha256 VARCHAR DEFAULT '';
ALTER TABLE models ALTER COLUMN tokenizer_sha256 SET NOT NULL;
ALTER TABLE models ADD COLUMN family VARCHAR DEFAULT 'clip';
ALTER TABLE models ALTER COLUMN family SET NOT NULL;
ALTER TABLE models ADD COLUMN logit_bias DOUBLE DEFAULT 0.0;
ALTER TABLE models ALTER COLUMN logit_bias SET NOT NULL;
ALTER TABLE models ADD COLUMN probe_cosines DOUBLE[] DEFAULT [];
ALTER TABLE models ALTER COLUMN probe_cosines SET NOT NULL;

COMMENT ON COLUMN models.model_id IS 'Identity made of the weights, the tokenizer, the preprocessing, the backend, the dtype and the software; of weights, preprocessing and dtype where backend is empty.';
COMMENT ON COLUMN models.software IS 'Versions of the software that computed the first scores; later versions go on under the same identity where their probe_cosines agree.';
COMMENT ON COLUMN models.backend IS 'Library and device that computed, for example torch-cuda; empty for models stored before this was part of the identity.';
COMMENT ON COLUMN models.tokenizer_sha256 IS 'SHA-256 of the tokenizer''s files; empty as backend.';
COMMENT ON COLUMN models.family IS 'What the cosines mean: clip (softmax over logit_scale * cosine) or siglip (sigmoid of logit_scale * cosine + logit_bias).';
COMMENT ON COLUMN models.logit_bias IS 'Added to logit_scale * cosine before the sigmoid of siglip; 0 where the model has none.';
COMMENT ON COLUMN models.probe_cosines IS 'Cosines of a few fixed pictures and texts, pictures first; empty when never computed.';
