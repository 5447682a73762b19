CREATE OR REPLACE VIEW model_bands AS
WITH newest AS (
    SELECT models.model_id, calibrations.*
    FROM models
    JOIN calibrations
        ON calibrations.weights_sha256 = models.weights_sha256
        AND calibrations.preprocessing = models.preprocessing
        -- Models stored by early versions do not say which tokenizer they had.
        AND models.tokenizer_sha256 IN ('', calibrations.tokenizer_sha256)
    QUALIFY row_number() OVER (
        PARTITION BY models.model_id ORDER BY calibrations.calibrated_at DESC
    ) = 1
)
SELECT
    models.model_id,
    coalesce(newest.poor_below_cosine, models.poor_below_cosine) AS poor_below_cosine,
    coalesce(newest.band_low_cosine, models.band_low_cosine) AS band_low_cosine,
    coalesce(newest.band_high_cosine, models.band_high_cosine) AS band_high_cosine,
    newest.chance_cosine,
    newest.derived,
    newest.calibrated_at
FROM models
LEFT JOIN newest USING (model_id);

COMMENT ON VIEW model_bands IS 'The band that counts for each model: its newest calibration''s, else the one it came with. Nothing reads a band from anywhere else.';
COMMENT ON COLUMN model_bands.model_id IS 'The model.';
COMMENT ON COLUMN model_bands.poor_below_cosine IS 'Mean cosine under which pictures hardly follow their prompts; NULL when not known for this model.';
COMMENT ON COLUMN model_bands.band_low_cosine IS 'Mean cosine from which differences stop being informative; NULL when not known.';
COMMENT ON COLUMN model_bands.band_high_cosine IS 'Upper end of that band; NULL when not known.';
COMMENT ON COLUMN model_bands.chance_cosine IS 'Mean cosine of pictures and the texts of other pictures; NULL without a calibration in this database.';
COMMENT ON COLUMN model_bands.derived IS 'How the band was derived; NULL without a calibration in this database.';
COMMENT ON COLUMN model_bands.calibrated_at IS 'When; NULL without a calibration in this database.';
