-- `name` is the label that the scores carry.
SELECT
    model_labels.model AS name,
    models.revision,
    models.weights_sha256,
    models.preprocessing,
    models.dtype,
    models.software,
    models.poor_below_cosine,
    models.band_low_cosine AS low_cosine,
    models.band_high_cosine AS high_cosine
FROM models
JOIN model_labels USING (model_id)
ORDER BY ALL;
