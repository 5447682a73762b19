SELECT
    name,
    revision,
    weights_sha256,
    preprocessing,
    dtype,
    dimension,
    logit_scale,
    software,
    backend,
    tokenizer_sha256,
    family,
    logit_bias,
    probe_cosines
FROM models
ORDER BY seen_at DESC, model_id;
