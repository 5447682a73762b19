-- Prompts that are longer than the CLIP model reads: the end of the text did not count.
SELECT model, run, prompt_id, token_count, count(DISTINCT step) AS n_steps, text
FROM current_scores
WHERE is_truncated
  AND ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
GROUP BY model, run_id, run, prompt_id, token_count, text
ORDER BY model, run, token_count DESC, prompt_id;
