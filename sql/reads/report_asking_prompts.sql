-- Prompts that ask for written words, which CLIP reads as if they were the thing itself.
SELECT DISTINCT text
FROM current_scores
WHERE asks_for_words AND NOT is_blank AND panel IN ('checkpoint', 'only')
ORDER BY text;
