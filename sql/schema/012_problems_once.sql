-- A problem that an ingest finds unchanged is not written again.
COMMENT ON TABLE problems IS 'Files that could not become scores, as ingests found them (view current_problems for what holds). One that the next ingests find unchanged has one row.';
COMMENT ON COLUMN problems.ingest_id IS 'The ingest that first met it so.';
COMMENT ON COLUMN problems.seen_at IS 'Since when ingests find it so.';
