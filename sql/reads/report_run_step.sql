SELECT * FROM run_step ORDER BY model, run, panel, step;
