CREATE OR REPLACE VIEW model_labels AS
WITH kin AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY name ORDER BY model_id) AS number,
        count(*) OVER same_name AS n_models,
        min(dtype) OVER same_name <> max(dtype) OVER same_name AS dtype_differs,
        min(backend) OVER same_name <> max(backend) OVER same_name AS backend_differs,
        min(preprocessing) OVER same_name <> max(preprocessing) OVER same_name AS pixels_differ,
        min(weights_sha256) OVER same_name <> max(weights_sha256) OVER same_name
            AS weights_differ,
        min(tokenizer_sha256) OVER same_name <> max(tokenizer_sha256) OVER same_name
            AS tokenizer_differs,
        min(software) OVER same_name <> max(software) OVER same_name AS software_differs
    FROM models
    WINDOW same_name AS (PARTITION BY name)
),
told_apart AS (
    SELECT
        model_id,
        name,
        number,
        n_models,
        concat_ws(
            ', ',
            CASE WHEN dtype_differs THEN dtype END,
            CASE WHEN backend_differs THEN coalesce(nullif(backend, ''), 'backend not kept') END,
            CASE WHEN pixels_differ THEN preprocessing END,
            CASE WHEN weights_differ THEN 'weights ' || left(weights_sha256, 8) END,
            CASE
                WHEN tokenizer_differs
                THEN 'tokenizer ' || coalesce(nullif(left(tokenizer_sha256, 8), ''), 'not kept')
            END,
            CASE WHEN software_differs THEN software END
        ) AS how
    FROM kin
)
SELECT
    model_id,
    CASE
        WHEN n_models = 1 THEN name
        WHEN how = '' OR count(*) OVER (PARTITION BY name, how) > 1
        THEN concat(name, ' (', concat_ws(', ', nullif(how, ''), 'number ' || number), ')')
        ELSE concat(name, ' (', how, ')')
    END AS model
FROM told_apart;

COMMENT ON VIEW model_labels IS 'What each model is called everywhere: its name, with what tells them apart where several models share it.';
COMMENT ON COLUMN model_labels.model_id IS 'The model.';
COMMENT ON COLUMN model_labels.model IS 'Its label; one label never stands for two models.';
