CREATE OR REPLACE VIEW model_labels AS
SELECT
    model_id,
    CASE
        WHEN count(*) OVER (PARTITION BY name) = 1 THEN name
        ELSE concat(
            name, ' (', concat_ws(', ', dtype, preprocessing, 'weights ' || left(weights_sha256, 8),
            nullif(left(revision, 8), '')), ')'
        )
    END AS model
FROM models;

COMMENT ON VIEW model_labels IS 'What each model is called everywhere: its name, with more where two models share it.';
COMMENT ON COLUMN model_labels.model_id IS 'The model.';
COMMENT ON COLUMN model_labels.model IS 'Its label; one label never stands for two models.';
