-- `name` is the label that the scores carry.
SELECT
    model_labels.model AS name,
    models.revision,
    models.weights_sha256,
    models.preprocessing,
    models.dtype,
    models.software,
    model_bands.poor_below_cosine,
    model_bands.band_low_cosine AS low_cosine,
    model_bands.band_high_cosine AS high_cosine
FROM models
JOIN model_labels USING (model_id)
JOIN model_bands USING (model_id)
ORDER BY ALL;
