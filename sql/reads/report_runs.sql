SELECT name AS run, root, layout, layout_reason, variant, planned_steps
FROM runs
ORDER BY run, run_id;
