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
    models.backend = 'imported' AS is_imported,
    model_bands.poor_below_cosine,
    model_bands.band_low_cosine,
    model_bands.band_high_cosine
FROM models
JOIN model_labels USING (model_id)
JOIN model_bands USING (model_id)
ORDER BY model_labels.model, models.model_id;
