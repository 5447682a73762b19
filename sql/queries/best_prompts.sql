-- The prompts with the highest cosine at the last validation of each run, `rows` of them per run
-- (default 20). A low or high score of one prompt says little about how good its picture is.
SELECT
    model,
    run,
    panel,
    last_step AS step,
    prompt_id,
    last_mean AS cosine,
    change,
    is_truncated,
    asks_for_words,
    text
FROM prompt_summary
WHERE panel IN ('checkpoint', 'only')
  AND NOT is_blank
  AND ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
QUALIFY last_step = max(last_step) OVER (PARTITION BY model_id, run_id, panel)
    AND row_number() OVER (
        PARTITION BY model_id, run_id, panel ORDER BY last_step DESC, last_mean DESC, prompt_id
    ) <= coalesce($rows::BIGINT, 20)
ORDER BY model, run, panel, last_mean DESC, prompt_id;
