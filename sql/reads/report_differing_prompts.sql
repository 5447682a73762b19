-- Prompt ids that stand for different texts in different runs.
SELECT prompt_id, count(DISTINCT texts) AS n_versions, count(*) AS n_runs
FROM (
    SELECT run, prompt_id, list_sort(list(DISTINCT text_id)) AS texts
    FROM prompt_step
    WHERE NOT is_blank AND panel IN ('checkpoint', 'only')
    GROUP BY run, prompt_id
)
GROUP BY prompt_id
HAVING count(DISTINCT texts) > 1
ORDER BY prompt_id;
