SELECT run_id, name AS run, planned_steps, layout, layout_reason, variant, root
FROM runs
ORDER BY run, run_id;
