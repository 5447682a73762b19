-- Which run and model each verdict is of, and the newest score it can know.
SELECT
    scored.model_id,
    scored.run_id,
    coalesce(model_labels.model, '') AS model,
    coalesce(runs.name, '') AS run,
    scored.scores_until
FROM (
    SELECT model_id, run_id, max(scored_at) AS scores_until FROM scores GROUP BY model_id, run_id
) AS scored
LEFT JOIN model_labels USING (model_id)
LEFT JOIN runs USING (run_id)
ORDER BY scored.model_id, scored.run_id;
