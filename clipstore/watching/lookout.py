"""Which files are new, by looking: names, sizes and times of a tree against the last look's.

Invariant: what a look says does not depend on any notification, which may get lost; those only say
that looking is worth it. A picture or text is handed out when it has not changed for a while, again
when it changes, and once more after each time it was found half-written; a log when it has grown
(see `growinglogs`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from clipstore.watching.growinglogs import GrowingLogs
from clipstore.watching.tree import Stamp, look_at

LONGEST_WAIT = 12
"""A file that is ready waits for its neighbours at most so many times as long as it has to be
quiet: the pictures of a validation are scored together, and a folder in which something is always
being written is not forgotten."""


class _Waiting(NamedTuple):
    stamp: Stamp
    since: float
    """Seconds on the clock when it was first seen so."""


class Lookout:
    """Remembers the pictures, texts and logs below some folders."""

    def __init__(
        self,
        roots: Collection[Path],
        quiet_seconds: float,
        log_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`quiet_seconds`: how long a picture or text must be unchanged to count as written;
        `log_seconds`: the least time from one reading of growing logs to the next."""
        self._roots = tuple(roots)
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        self._known: dict[Path, Stamp] = {}
        self._waiting: dict[Path, _Waiting] = {}
        self._not_before: dict[Path, float] = {}
        self._logs = GrowingLogs(log_seconds)

    def take_in(self) -> None:
        """Take everything that there is for dealt with."""
        seen = look_at(self._roots)
        self._known = seen.files
        self._logs.take_in(seen.logs, self._clock())

    def forget(self) -> None:
        """Take everything for new."""
        self._known = {}
        self._logs.forget()

    def look(self) -> frozenset[Path]:
        """The files that are new and written, logs that have grown, and what is due `again`; none
        while pictures are still changing, but for no longer than LONGEST_WAIT allows."""
        now = self._clock()
        seen = look_at(self._roots)
        there = seen.files
        self._known = {path: stamp for path, stamp in self._known.items() if path in there}
        self._not_before = {path: at for path, at in self._not_before.items() if path in there}
        self._waiting = {
            path: self._seen_since(path, stamp, now)
            for path, stamp in there.items()
            if self._known.get(path) != stamp
        }
        late = {path for path, at in self._not_before.items() if now < at}
        ready = {
            path
            for path, one in self._waiting.items()
            if now - one.since >= self._quiet_seconds and path not in late
        }
        grown = self._logs.due(seen.logs, now)
        longest = max((now - self._waiting[path].since for path in ready), default=0.0)
        if grown:
            longest = max(longest, self._logs.overdue_s(now))
        n_changing = len(self._waiting.keys() - ready - late)
        if n_changing and longest < LONGEST_WAIT * self._quiet_seconds:
            return frozenset()
        return frozenset(ready | (self._not_before.keys() - late)) | grown

    @property
    def next_look_s(self) -> float | None:
        """Seconds until a file that the last look saw may be ready; None when there is none."""
        now = self._clock()
        due = [
            max(one.since + self._quiet_seconds, self._not_before.get(path, now))
            for path, one in self._waiting.items()
        ]
        due += self._not_before.values()
        log_s = self._logs.next_look_s(now)
        if log_s is not None:
            due.append(now + log_s)
        return max(0.0, min(due) - now) if due else None

    def done(self, paths: Collection[Path]) -> None:
        """These were dealt with as they were at the last look."""
        self._logs.done(paths, self._clock())
        for path in paths:
            one = self._waiting.pop(path, None)
            if one is not None:
                self._known[path] = one.stamp
            self._not_before.pop(path, None)

    def again(self, paths: Collection[Path], seconds: float) -> None:
        """Hand these out once more, changed or not, but not before so many seconds."""
        self._logs.again(paths, self._clock(), seconds)
        for path in paths:
            self._not_before[path] = self._clock() + seconds

    def _seen_since(self, path: Path, stamp: Stamp, now: float) -> _Waiting:
        before = self._waiting.get(path)
        return before if before is not None and before.stamp == stamp else _Waiting(stamp, now)
