SELECT concat('the counts of the ingest of ', root, ' at ', started_at, ' do not add up: ', n_seen,
    ' files seen') AS finding
FROM ingests
WHERE n_seen <> n_scored + n_known + n_pending + n_refused + n_skipped
UNION ALL
SELECT concat('ingest ', ingest_id, ' is there more than once')
FROM ingests GROUP BY ingest_id HAVING count(*) > 1;
