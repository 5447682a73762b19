"""Logs that a trainer writes on all the time: which of them are to be read on, and when.

Invariant: nobody waits for a log to be quiet, which it never is before the training ends. Readers
stop before what is half-written and go on from there, so a log may be read at any moment; only how
often is bounded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from clipstore.watching.tree import Stamp


class GrowingLogs:
    """Remembers how far the logs below some folders had grown when they were read."""

    def __init__(self, every_seconds: float) -> None:
        """`every_seconds`: the least time from one reading to the next."""
        self._every_seconds = every_seconds
        self._known: dict[Path, Stamp] = {}
        self._seen: Mapping[Path, Stamp] = {}
        self._not_before = 0.0

    def take_in(self, logs: Mapping[Path, Stamp], now: float) -> None:
        """Take these for read, now."""
        self._known = dict(logs)
        self._seen = logs
        self._not_before = now + self._every_seconds

    def forget(self) -> None:
        """Take all for unread."""
        self._known = {}
        self._not_before = 0.0

    def due(self, logs: Mapping[Path, Stamp], now: float) -> frozenset[Path]:
        """Those that have changed since they were read; none before their time."""
        self._seen = logs
        self._known = {path: stamp for path, stamp in self._known.items() if path in logs}
        if now < self._not_before:
            return frozenset()
        return frozenset(path for path, stamp in logs.items() if self._known.get(path) != stamp)

    def overdue_s(self, now: float) -> float:
        """Seconds since reading was allowed again."""
        return now - self._not_before

    def next_look_s(self, now: float) -> float | None:
        """Seconds until looking for growth is worth it; None where there is no log."""
        if not self._seen:
            return None
        wait_s = self._not_before - now
        return wait_s if wait_s > 0 else self._every_seconds

    def done(self, paths: Collection[Path], now: float) -> None:
        """These were read as they were at the last look; other paths are passed over."""
        own = self._own(paths)
        self._known |= {path: self._seen[path] for path in own}
        if own:
            self._not_before = now + self._every_seconds

    def again(self, paths: Iterable[Path], now: float, seconds: float) -> None:
        """Could not be read; not before so many seconds."""
        if self._own(paths):
            self._not_before = now + seconds

    def _own(self, paths: Iterable[Path]) -> list[Path]:
        return [path for path in paths if path in self._seen]
