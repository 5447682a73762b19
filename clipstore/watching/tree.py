"""What lies below the watched folders: pictures and texts on one side, logs on the other.

Invariant: nothing is opened; a file is known by its name and told from its earlier self by size and
time. Links and hidden folders are left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from clipstore.logs import all_log_formats
from clipstore.sources.listedfiles import PICTURE_SUFFIXES, SCORED_VIDEO_SUFFIX

TEXT_SUFFIXES = frozenset({".txt", ".toml", ".json", ".yaml", ".yml"})
"""Prompts and settings: a picture that lacked its text may have one now."""
WATCHED_SUFFIXES = PICTURE_SUFFIXES | {SCORED_VIDEO_SUFFIX} | TEXT_SUFFIXES
NEWEST_ROWS = "-wal"
"""Ends the name of the file beside an SQLite database in which its newest rows are kept: the
database itself may stay as it is for long."""


class Stamp(NamedTuple):
    """What changes when a file does."""

    size_bytes: int
    modified_ns: int


class Seen(NamedTuple):
    """One look at everything."""

    files: dict[Path, Stamp]
    """Pictures, and texts that may say something of one."""
    logs: dict[Path, Stamp]


def look_at(roots: Collection[Path]) -> Seen:
    """Everything below `roots` that matters; what cannot be listed is left out."""
    formats = all_log_formats()

    def is_log(name: str) -> bool:
        return any(form.is_log(name) for form in formats)

    seen = Seen({}, {})
    waiting = list(roots)
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
                else:
                    _take(entry, is_log, seen)
            except OSError:
                continue
    return seen


def is_watched(name: str) -> bool:
    """Whether a file of this name may be a picture, or say something of one."""
    return os.path.splitext(name)[1].lower() in WATCHED_SUFFIXES  # noqa: PTH122 - 20x faster


def _take(entry: os.DirEntry[str], is_log: Callable[[str], bool], seen: Seen) -> None:
    log = None
    if not is_watched(entry.name):
        log = entry.name.removesuffix(NEWEST_ROWS)
        if not is_log(log):
            return
    if not entry.is_file(follow_symlinks=False):
        return
    stat = entry.stat(follow_symlinks=False)
    stamp, path = Stamp(stat.st_size, stat.st_mtime_ns), Path(entry.path)
    if log is None:
        seen.files[path] = stamp
    else:
        path = path.with_name(log)
        other = seen.logs.get(path, Stamp(0, 0))
        seen.logs[path] = Stamp(
            stamp.size_bytes + other.size_bytes, max(stamp.modified_ns, other.modified_ns)
        )
