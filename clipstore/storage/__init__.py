"""The database and the spool beside it. Only this package imports duckdb."""
