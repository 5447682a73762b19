-- Every scored panel with its file and box, for the thumbnails; equal pixels have one crop_id.
SELECT
    scores.model,
    scores.run,
    scores.step,
    scores.prompt_id,
    scores.panel,
    scores.image_index,
    CASE
        WHEN starts_with(images.path, '/') THEN images.path
        ELSE concat(runs.root, '/', images.path)
    END AS path,
    images.box_left AS "left",
    images.box_top AS "top",
    images.box_right AS "right",
    images.box_bottom AS "bottom",
    images.crop_id,
    scores.cosine::DOUBLE AS cosine
FROM current_scores AS scores
JOIN current_images AS images USING (run_id, step, prompt_id, image_index, panel)
JOIN runs USING (run_id)
WHERE NOT scores.is_blank
ORDER BY model, run, panel, step, prompt_id, image_index;
