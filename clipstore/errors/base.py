"""The root of all failures that clipstore explains."""

from __future__ import annotations


class ClipstoreError(Exception):
    """Base of all failures that clipstore explains."""

    exit_code = 1
