"""Failures of what is asked of the database: names that it does not hold, SQL, output."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from clipstore.errors.base import ClipstoreError


class RunUnknown(ClipstoreError):
    """A run, a step or a model was named that has no scores."""

    exit_code = 2

    def __init__(self, what: str, known: Iterable[str]) -> None:
        names = list(known)
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        listed = ", ".join(names[:12]) or "none"
        super().__init__(f"{what}. There are: {listed}{more}. See `clipstore runs`.")


class ViewUnknown(ClipstoreError):
    """--view names no view of the store."""

    exit_code = 2

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no view {name!r}. There are: {', '.join(known)}.")


class QueryError(ClipstoreError):
    """SQL that DuckDB would not run."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"DuckDB did not run this query: {why}\n"
            'Tables and views: `clipstore sql "SHOW TABLES"`; ready questions: `clipstore query`.'
        )


class OutputError(ClipstoreError):
    """The result could not be written; an older file at that place is unchanged."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"could not write {path}: {why}. Nothing there was changed.")


class PageTooLarge(ClipstoreError):
    """A page that cannot be made as small as was asked; none was written."""

    def __init__(self, smallest_bytes: int, asked_bytes: int) -> None:
        enough_mb = math.ceil(smallest_bytes / 1e5) / 10
        super().__init__(
            f"the page was to be {asked_bytes / 1e6:g} MB at most, and with no picture, no prompt "
            f"and one run of each model it still has {smallest_bytes / 1e6:.2f} MB. Nothing was "
            f"written. Give --size {enough_mb:g}mb, or --run a run with fewer validations."
        )


class ServerFailed(ClipstoreError):
    """A tracking server did not take what was sent."""

    def __init__(self, host: str, why: str, what_to_do: str) -> None:
        super().__init__(f"the server at {host} {why}. {what_to_do}")
