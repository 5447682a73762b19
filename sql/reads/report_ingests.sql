SELECT * FROM ingests ORDER BY started_at, ingest_id;
