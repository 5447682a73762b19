"""Failures of the installation: a library or a file of clipstore is not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clipstore.errors.base import ClipstoreError


class LibraryMissing(ClipstoreError):
    """What was asked for needs a library that is not installed."""

    exit_code = 2

    def __init__(self, what: str, library: str, install: str) -> None:
        super().__init__(f"{what} needs {library}, which is not installed here: {install}")


class ResourceMissing(ClipstoreError):
    """A file that belongs to clipstore itself is not where it should be."""

    def __init__(self, what: str, looked: Sequence[Path]) -> None:
        super().__init__(
            f"this installation lacks {what}; looked in {', '.join(map(str, looked))}. "
            "Reinstall clipstore."
        )
