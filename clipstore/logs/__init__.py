"""The plug that every log format fits, and how the formats are found: by listing this folder.

Invariant: a file here is a log format and nothing else is. It has a `NAME`, an `is_log` that knows
its files by their names, and a `read` that goes on from a position and loses nothing. To add one,
copy simpletuner_metrics.py; nothing else changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

from clipstore.logged import LogChunk, LogPosition


class LogFormat(Protocol):
    """A module of this package. The members are module-level names."""

    NAME: str
    """The module's own name; what the store keeps as `source`."""
    HEAD_BYTES: int
    """How much of a log's beginning stays as it is while the log grows."""

    def is_log(self, name: str) -> bool:
        """Whether a file of this name is such a log. Nothing is opened."""

    def read(self, path: Path, start: LogPosition) -> Iterator[LogChunk]:
        """The log from `start` on, in parts of bounded size, as far as it is whole.

        Damage is passed over and said in the chunk. Raises `Unreadable` for a file that is no such
        log at all.
        """


def all_log_formats() -> tuple[LogFormat, ...]:
    """Every format, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast(LogFormat, importlib.import_module(f"{__name__}.{name}")) for name in names)
