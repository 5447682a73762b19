"""The plug that every export target fits, and how the targets are found: by listing this folder.

Invariant: a file here is a target and nothing else is, and `--to` takes its name. Each is imported
only when asked for, because each may need a library of its own. Exporting again replaces what was
exported: no target ever holds a point or a row twice.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from clipstore.storage.store import Reader

DEFAULT_VIEWS = ("current_scores", "prompt_step", "run_step", "current_verdicts")
"""What users ask for: a row per picture, per prompt and step, per step, per run."""

SENDING = ("mlflow",)
"""The targets that send to a server when they are given one. Nothing else here connects."""


@dataclass(frozen=True)
class ExportRequest:
    """What to export, and where to."""

    folder: Path
    """Made if it is missing; what else lies in it is left alone."""
    runs: tuple[str, ...] = ()
    """Names of runs; all when empty."""
    views: tuple[str, ...] = DEFAULT_VIEWS
    """Which views the targets that write tables write."""
    server: str | None = None
    """Address of a tracking server to send to instead of writing into the folder; only of the
    targets in SENDING."""


@dataclass(frozen=True)
class Exported:
    """Something that was written."""

    place: str
    """The file, or how the tool calls it."""
    what: str
    """How much it holds, for example "1,200 rows"."""


class Target(Protocol):
    """A module of this package. The members are module-level names."""

    NAME: str
    """The module's own name; what --to takes."""

    def export(self, reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
        """Write, or write again. Raises `OutputError`, `DiskFull` and `ServerFailed`; what stood
        there before then stands there still."""


def target_names() -> tuple[str, ...]:
    """Every target, by name; none is imported for it."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load_target(name: str) -> Target:
    """The target of this name. Raises `LibraryMissing` when its library is not installed."""
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))
