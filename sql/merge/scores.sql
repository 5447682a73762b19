-- History is kept, nothing twice: a score is added unless the newest one of its key is of the same
-- pixels and text, or such a one is stored with a later time. So a picture that went from A to B
-- and back to A ends with A's score as the newest.
INSERT INTO scores BY NAME
WITH incoming AS (
    SELECT * FROM read_parquet($files)
    QUALIFY row_number() OVER (
        PARTITION BY model_id, run_id, step, prompt_id, image_index, panel, text_id, crop_id
        ORDER BY scored_at DESC
    ) = 1
),
stored AS (
    SELECT
        scores.*,
        max(scored_at) OVER (
            PARTITION BY model_id, run_id, step, prompt_id, image_index, panel
        ) AS newest
    FROM scores
    SEMI JOIN incoming USING (model_id, run_id, step, prompt_id, image_index, panel)
)
SELECT incoming.*
FROM incoming
ANTI JOIN stored
    ON incoming.model_id = stored.model_id
    AND incoming.run_id = stored.run_id
    AND incoming.step = stored.step
    AND incoming.prompt_id = stored.prompt_id
    AND incoming.image_index = stored.image_index
    AND incoming.panel = stored.panel
    AND incoming.text_id = stored.text_id
    AND incoming.crop_id = stored.crop_id
    AND (stored.scored_at = stored.newest OR stored.scored_at >= incoming.scored_at);
