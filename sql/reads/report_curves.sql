-- clip/mean of every validation: the mean over prompts of each prompt's mean over pictures.
SELECT model, run, step, mean AS clip_mean, n_prompts, n_images
FROM run_step
WHERE panel IN ('checkpoint', 'only')
ORDER BY model, run, step;
