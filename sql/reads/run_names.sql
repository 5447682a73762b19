SELECT run_id, name, root, variant
FROM runs
ORDER BY name, run_id;
