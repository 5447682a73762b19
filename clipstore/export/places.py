"""A run's name to a folder of its own.

Invariant: no name leads out of the folder that was given, and no two names to one folder.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

MAX_PART_BYTES = 200
"""File systems end at 255; what is appended needs room."""


def run_to_folder(run: str) -> PurePosixPath:
    """The run's name as a relative path: its own wherever that is a plain path of folders, else
    with what cannot be kept replaced, and a hash of the name."""
    parts = run.split("/")
    plain = [_plain_part(part) for part in parts]
    if plain == parts:
        return PurePosixPath(*parts)
    digest = hashlib.sha256(run.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return PurePosixPath(*plain[:-1], f"{plain[-1]}-{digest}")


def _plain_part(part: str) -> str:
    kept = "".join(c if c.isprintable() and c not in '\\:*?"<>|' else "_" for c in part)
    short = kept.encode("utf-8", "replace")[:MAX_PART_BYTES].decode("utf-8", "ignore")
    return "_" if short.strip(". ") == "" else short
