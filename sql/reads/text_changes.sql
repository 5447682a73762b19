-- Where a run's curve breaks: steps at which a prompt's text is another than at its step before.
SELECT DISTINCT run_id, step
FROM (
    SELECT
        run_id,
        step,
        text_id,
        lag(text_id) OVER (
            PARTITION BY model_id, run_id, panel, prompt_id, image_index
            ORDER BY step
        ) AS text_id_before
    FROM latest_scores
    WHERE panel IN ('checkpoint', 'only')
)
WHERE text_id <> text_id_before
ORDER BY run_id, step;
