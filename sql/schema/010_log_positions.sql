-- Row numbers of ai-toolkit's losses are given again after a resume: its position is a time.
COMMENT ON COLUMN log_files.position IS 'Where reading goes on: a byte; for a database of losses when its last step was logged, in microseconds since 1970.';
