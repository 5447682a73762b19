"""From scores to verdicts: pure functions over frames; only `fromstore` reads the database."""
