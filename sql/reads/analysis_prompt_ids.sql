-- Which prompt id the numbers of analysis_rows stand for.
SELECT DISTINCT hash(prompt_id, text_id) AS prompt, prompt_id
FROM scores
ORDER BY prompt, prompt_id;
