-- The scores of the cards' prompts, one row a picture and panel, with the file and the box where
-- there is a file; equal pixels have one crop_id. The newest score and the newest file hold, as in
-- latest_scores and current_images, which would look at every picture of the database.
WITH wanted AS (
    SELECT unnest($run_ids::BIGINT[]) AS run_id, unnest($text_ids::BIGINT[]) AS text_id
),
named AS (
    SELECT DISTINCT scores.run_id, scores.prompt_id
    FROM scores
    SEMI JOIN wanted USING (run_id, text_id)
),
held AS (
    SELECT scores.*
    FROM scores
    SEMI JOIN named USING (run_id, prompt_id)
    QUALIFY row_number() OVER (
        PARTITION BY model_id, run_id, step, prompt_id, image_index, panel
        ORDER BY scored_at DESC, crop_id, text_id
    ) = 1
),
files AS (
    SELECT images.*
    FROM images
    SEMI JOIN named USING (run_id, prompt_id)
    QUALIFY row_number() OVER (
        PARTITION BY run_id, step, prompt_id, image_index, panel
        ORDER BY seen_at DESC, crop_id, path
    ) = 1
)
SELECT
    coalesce(model_labels.model, '') AS model,
    held.run_id,
    coalesce(runs.name, '') AS run,
    held.step,
    held.panel,
    held.prompt_id,
    held.text_id,
    held.image_index,
    held.cosine::DOUBLE AS cosine,
    CASE
        WHEN starts_with(files.path, '/') THEN files.path
        ELSE runs.root || '/' || files.path
    END AS path,
    files.box_left AS "left",
    files.box_top AS "top",
    files.box_right AS "right",
    files.box_bottom AS "bottom",
    files.crop_id
FROM held
LEFT JOIN runs USING (run_id)
LEFT JOIN model_labels USING (model_id)
LEFT JOIN prompts USING (text_id)
LEFT JOIN files USING (run_id, step, prompt_id, image_index, panel)
WHERE NOT coalesce(prompts.is_blank, false) AND held.panel IN ('checkpoint', 'only', 'base')
ORDER BY model, run, panel, step, prompt_id, text_id, image_index;
