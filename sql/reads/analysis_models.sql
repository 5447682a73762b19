SELECT
    models.model_id,
    model_labels.model,
    models.name,
    models.revision,
    models.weights_sha256,
    models.preprocessing,
    models.dtype,
    models.dimension,
    models.logit_scale,
    models.software,
    models.poor_below_cosine,
    models.band_low_cosine,
    models.band_high_cosine
FROM models
JOIN model_labels USING (model_id)
ORDER BY model_labels.model, models.model_id;
