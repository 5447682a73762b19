-- Files of these runs whose every reading that holds has a score by this model, for `ingest`.
SELECT
    images.run_id,
    images.path,
    images.file_sha256,
    images.file_size_bytes,
    images.file_modified_ns,
    images.step,
    images.prompt_id,
    images.image_index,
    images.panel,
    images.crop_id,
    latest_scores.text_id,
    images.seen_at
FROM current_images AS images
JOIN latest_scores USING (run_id, step, prompt_id, image_index, panel, crop_id)
WHERE latest_scores.model_id = $model_id
  AND list_contains($run_ids::BIGINT[], images.run_id)
ORDER BY images.run_id, images.path, images.panel;
