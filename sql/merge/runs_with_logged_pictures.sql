-- Runs of these images in whose folder a log has pictures: in no others can there be same_pixels.
SELECT DISTINCT runs.run_id
FROM read_parquet($files) AS incoming
JOIN runs USING (run_id)
JOIN runs AS owners ON owners.root = runs.root
SEMI JOIN logged_pictures ON logged_pictures.run_id = owners.run_id;
