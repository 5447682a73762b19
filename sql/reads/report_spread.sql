-- How the prompts of every validation are spread.
SELECT model, run, step, n_prompts, min, p10, p25, p50, p75, p90, max, share_poor, share_in_band
FROM run_step
WHERE panel IN ('checkpoint', 'only')
ORDER BY model, run, step;
