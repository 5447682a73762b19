-- Where the scores of each run lie in the table, so that runs can be read a few at a time.
SELECT run_id, count(*) AS n_rows, min(rowid) AS first_row, max(rowid) AS last_row
FROM scores
GROUP BY run_id
ORDER BY first_row, run_id;
