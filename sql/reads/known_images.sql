-- Files of these runs, and of other variants in their folders, whose every reading that holds has a
-- score by this model, for `ingest`.
WITH wanted AS (
    SELECT unnest($run_ids::BIGINT[]) AS run_id
    UNION
    SELECT run_id
    FROM runs
    WHERE root IN (SELECT root FROM runs WHERE list_contains($run_ids::BIGINT[], runs.run_id))
)
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
  AND images.run_id IN (SELECT run_id FROM wanted)
ORDER BY images.run_id, images.path, images.panel;
