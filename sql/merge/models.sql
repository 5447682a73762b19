-- A model's own row is replaced only when something about it changed.
DELETE FROM models
USING read_parquet($files) AS incoming
WHERE models.model_id = incoming.model_id
  AND models.seen_at < incoming.seen_at
  AND (models.software, models.dimension, models.logit_scale, models.poor_below_cosine,
       models.band_low_cosine, models.band_high_cosine, models.backend, models.tokenizer_sha256,
       models.family, models.logit_bias, models.probe_cosines)
      IS DISTINCT FROM
      (incoming.software, incoming.dimension, incoming.logit_scale, incoming.poor_below_cosine,
       incoming.band_low_cosine, incoming.band_high_cosine, incoming.backend,
       incoming.tokenizer_sha256, incoming.family, incoming.logit_bias, incoming.probe_cosines);

INSERT INTO models BY NAME
SELECT incoming.*
FROM read_parquet($files) AS incoming
ANTI JOIN models USING (model_id)
QUALIFY row_number() OVER (PARTITION BY model_id ORDER BY seen_at DESC) = 1;
