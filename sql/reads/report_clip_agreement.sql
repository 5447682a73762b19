-- The trainer's clip/mean beside ours, for the page.
SELECT * FROM clip_agreement ORDER BY model, run, panel, step;
