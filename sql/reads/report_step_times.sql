-- When the pictures of each validation were written, by the times of their files; the median, since
-- a copied or restored file may lie.
SELECT run, step, median(file_modified_ns)::BIGINT AS written_ns
FROM current_images
JOIN (SELECT run_id, name AS run FROM runs) USING (run_id)
WHERE panel IN ('checkpoint', 'only')
GROUP BY run_id, run, step
ORDER BY run, run_id, step;
