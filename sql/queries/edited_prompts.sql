-- Prompt ids whose text changed during a run: scores before and after are of different texts.
SELECT run, prompt_id, text, min(step) AS first_step, max(step) AS last_step, count(*) AS n_scores
FROM current_scores
WHERE ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
GROUP BY run_id, run, prompt_id, text_id, text
QUALIFY count(*) OVER (PARTITION BY run_id, prompt_id) > 1
ORDER BY run, prompt_id, first_step;
