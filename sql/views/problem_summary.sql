CREATE OR REPLACE VIEW problem_summary AS
SELECT
    run_id,
    any_value(run) AS run,
    stage,
    reason,
    is_pending,
    count(DISTINCT path) AS n_files,
    min(path) AS example_path,
    arg_min(detail, path) AS example_detail,
    max(seen_at) AS last_seen_at
FROM current_problems
GROUP BY run_id, stage, reason, is_pending;

COMMENT ON VIEW problem_summary IS 'Files that are not scored now, counted by run and reason.';
COMMENT ON COLUMN problem_summary.run_id IS 'The run; NULL for files of none.';
COMMENT ON COLUMN problem_summary.run IS 'Name of the run; empty for files of none.';
COMMENT ON COLUMN problem_summary.stage IS 'Where they failed.';
COMMENT ON COLUMN problem_summary.reason IS 'A short fixed code.';
COMMENT ON COLUMN problem_summary.is_pending IS 'True when the next ingest tries again.';
COMMENT ON COLUMN problem_summary.n_files IS 'Files.';
COMMENT ON COLUMN problem_summary.example_path IS 'One of them.';
COMMENT ON COLUMN problem_summary.example_detail IS 'What is wrong with that one and what to do.';
COMMENT ON COLUMN problem_summary.last_seen_at IS 'When the last of them was met.';
