-- Pictures of these runs that were read and found to have the pixels of another one, for `ingest`;
-- without those whose original was read again since.
SELECT copies.run_id, copies.path, copies.original
FROM picture_copies AS copies
ANTI JOIN images
    ON images.run_id = copies.run_id
    AND images.path = copies.original
    AND images.seen_at > copies.seen_at
WHERE copies.rule = 'same_pixels'
  AND list_contains($run_ids::BIGINT[], copies.run_id)
ORDER BY copies.run_id, copies.path;
