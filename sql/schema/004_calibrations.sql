-- Bands that users derive themselves, kept beside what the models row says, never instead of it.

CREATE TABLE calibrations (
    weights_sha256 VARCHAR NOT NULL,
    tokenizer_sha256 VARCHAR NOT NULL,
    preprocessing VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    chance_cosine DOUBLE NOT NULL,
    true_cosine DOUBLE NOT NULL,
    true_low_cosine DOUBLE NOT NULL,
    true_high_cosine DOUBLE NOT NULL,
    poor_below_cosine DOUBLE NOT NULL,
    band_low_cosine DOUBLE NOT NULL,
    band_high_cosine DOUBLE NOT NULL,
    n_pairs BIGINT NOT NULL,
    n_texts BIGINT NOT NULL,
    is_wide BOOLEAN NOT NULL,
    pairs VARCHAR NOT NULL,
    derived VARCHAR NOT NULL,
    clipstore_version VARCHAR NOT NULL,
    calibrated_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE calibrations IS 'Bands derived from pairs of picture and text by clipstore calibrate. They belong to weights, tokenizer and pixel path; device and arithmetic move cosines far less than any interval here. The newest row counts.';
COMMENT ON COLUMN calibrations.weights_sha256 IS 'SHA-256 of the weights file, as in models.';
COMMENT ON COLUMN calibrations.tokenizer_sha256 IS 'SHA-256 of the tokenizer''s files, as in models.';
COMMENT ON COLUMN calibrations.preprocessing IS 'Version of the pixel path, as in models.';
COMMENT ON COLUMN calibrations.name IS 'What the model was called when it was calibrated.';
COMMENT ON COLUMN calibrations.chance_cosine IS 'Mean cosine of pictures and the texts of other pictures.';
COMMENT ON COLUMN calibrations.true_cosine IS 'Mean cosine of pictures and their own texts.';
COMMENT ON COLUMN calibrations.true_low_cosine IS 'Lower 95 % limit of true_cosine.';
COMMENT ON COLUMN calibrations.true_high_cosine IS 'Upper 95 % limit of true_cosine.';
COMMENT ON COLUMN calibrations.poor_below_cosine IS 'Mean cosine under which pictures hardly follow their prompts.';
COMMENT ON COLUMN calibrations.band_low_cosine IS 'Mean cosine from which differences stop being informative.';
COMMENT ON COLUMN calibrations.band_high_cosine IS 'Upper end of that band.';
COMMENT ON COLUMN calibrations.n_pairs IS 'Pictures with their text.';
COMMENT ON COLUMN calibrations.n_texts IS 'Different texts among them.';
COMMENT ON COLUMN calibrations.is_wide IS 'True when the pairs were too few to know the level of true pairs well, so that the band begins early.';
COMMENT ON COLUMN calibrations.pairs IS 'Folder or table that the pairs were read from.';
COMMENT ON COLUMN calibrations.derived IS 'The levels, their intervals and the rule, in a sentence.';
COMMENT ON COLUMN calibrations.clipstore_version IS 'Version of clipstore that derived it.';
COMMENT ON COLUMN calibrations.calibrated_at IS 'When.';
