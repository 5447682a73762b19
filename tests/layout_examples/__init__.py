"""Makes tests/layouts/; see __main__.py."""
