-- How many of the prompts are in the band of their CLIP model, and how many are poor, at each
-- validation. Empty for models whose band is not known.
SELECT model, run, panel, step, n_prompts, mean, share_poor, share_in_band
FROM run_step
WHERE panel IN ('checkpoint', 'only')
  AND share_in_band IS NOT NULL
  AND ($run::VARCHAR IS NULL OR run = $run::VARCHAR)
ORDER BY model, run, panel, step;
