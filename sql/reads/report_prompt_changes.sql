-- Where a curve breaks: validations at which prompt ids stand for another text than at their last
-- validation, or more than half of the prompts are ones that the run never had before.
WITH told AS (
    SELECT
        model,
        run,
        model_id,
        run_id,
        step,
        text_id,
        lag(text_id) OVER (PARTITION BY model_id, run_id, prompt_id ORDER BY step) AS before
    FROM prompt_step
    WHERE NOT is_blank AND panel IN ('checkpoint', 'only')
)
SELECT
    model,
    run,
    step,
    count_if(before <> text_id) AS n_edited,
    count_if(before IS NULL) AS n_new,
    count(*) AS n_prompts
FROM told
GROUP BY model, run, model_id, run_id, step
QUALIFY step > min(step) OVER (PARTITION BY model_id, run_id)
    AND (n_edited > 0 OR n_new > 0.5 * n_prompts)
ORDER BY model, run, step;
