"""Which files are new, by looking: names, sizes and times of a tree against the last look's.

Invariant: what a look says does not depend on any notification, which may get lost; those only say
that looking is worth it. A file is handed out when it has not changed for a while, again when it
changes, and once more after each time it was found half-written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from clipstore.sources.listing import PICTURE_SUFFIXES, SCORED_VIDEO_SUFFIX

TEXT_SUFFIXES = frozenset({".txt", ".toml", ".json", ".yaml", ".yml"})
"""Prompts and settings: a picture that lacked its text may have one now."""
WATCHED_SUFFIXES = PICTURE_SUFFIXES | {SCORED_VIDEO_SUFFIX} | TEXT_SUFFIXES
LONGEST_WAIT = 12
"""A file that is ready waits for its neighbours at most so many times as long as it has to be
quiet: the pictures of a validation are scored together, and a folder in which something is always
being written is not forgotten."""


class _Stamp(NamedTuple):
    size_bytes: int
    modified_ns: int


class _Waiting(NamedTuple):
    stamp: _Stamp
    since: float
    """Seconds on the clock when it was first seen so."""


class Lookout:
    """Remembers the pictures and texts below some folders."""

    def __init__(
        self,
        roots: Collection[Path],
        quiet_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`quiet_seconds`: how long a file must be unchanged to count as written."""
        self._roots = tuple(roots)
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        self._known: dict[Path, _Stamp] = {}
        self._waiting: dict[Path, _Waiting] = {}
        self._not_before: dict[Path, float] = {}

    def take_in(self) -> None:
        """Take everything that there is for dealt with."""
        self._known = dict(self._there())

    def forget(self) -> None:
        """Take everything for new."""
        self._known = {}

    def look(self) -> frozenset[Path]:
        """The files that are new and written, and those that are due `again`; none while others
        are still changing, but for no longer than LONGEST_WAIT allows."""
        now = self._clock()
        there = dict(self._there())
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
        longest = max((now - self._waiting[path].since for path in ready), default=0.0)
        n_changing = len(self._waiting.keys() - ready - late)
        if n_changing and longest < LONGEST_WAIT * self._quiet_seconds:
            return frozenset()
        return frozenset(ready | (self._not_before.keys() - late))

    @property
    def next_look_s(self) -> float | None:
        """Seconds until a file that the last look saw may be ready; None when there is none."""
        now = self._clock()
        due = [
            max(one.since + self._quiet_seconds, self._not_before.get(path, now))
            for path, one in self._waiting.items()
        ]
        due += self._not_before.values()
        return max(0.0, min(due) - now) if due else None

    def done(self, paths: Iterable[Path]) -> None:
        """These were dealt with as they were at the last look."""
        for path in paths:
            one = self._waiting.pop(path, None)
            if one is not None:
                self._known[path] = one.stamp
            self._not_before.pop(path, None)

    def again(self, paths: Iterable[Path], seconds: float) -> None:
        """Hand these out once more, changed or not, but not before so many seconds."""
        for path in paths:
            self._not_before[path] = self._clock() + seconds

    def _seen_since(self, path: Path, stamp: _Stamp, now: float) -> _Waiting:
        before = self._waiting.get(path)
        return before if before is not None and before.stamp == stamp else _Waiting(stamp, now)

    def _there(self) -> Iterator[tuple[Path, _Stamp]]:
        for root in self._roots:
            yield from _stamps(root)


def is_watched(name: str) -> bool:
    """Whether a file of this name may be a picture, or say something of one."""
    return os.path.splitext(name)[1].lower() in WATCHED_SUFFIXES  # noqa: PTH122 - 20x faster


def _stamps(root: Path) -> Iterator[tuple[Path, _Stamp]]:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as scan:
                entries = list(scan)
        except OSError:  # removed meanwhile, or not to be read: the discovery says so
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        waiting.append(Path(entry.path))
                elif is_watched(entry.name) and entry.is_file(follow_symlinks=False):
                    stat = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), _Stamp(stat.st_size, stat.st_mtime_ns)
            except OSError:
                continue
