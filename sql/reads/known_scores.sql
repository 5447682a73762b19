-- What `import` finds already there: the newest score of every key by this model.
SELECT run_id, step, prompt_id, image_index, panel, text_id, crop_id
FROM latest_scores
WHERE model_id = $model_id;
