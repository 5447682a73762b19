"""The plug that every layout fits, and how the layouts are found: by listing this folder.

Invariant: a file here is a layout and nothing else is. It has a `NAME`, a `claims` that says why
a folder is a run of this layout, and a `read` that puts every file below the folder into exactly
one of pictures, problems and skipped. To add a trainer, copy folder.py; nothing else changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from clipstore.sources.pattern import PathPattern
from clipstore.types import Prompt, RunContents


@dataclass(frozen=True)
class ReadContext:
    """What a layout is told beside the folder itself."""

    run_name: str
    """The run's name in the store."""
    user_prompts: tuple[Prompt, ...]
    """From --prompts FILE; empty without."""
    search_root: Path
    """The folder that was given to clipstore: a run's settings may lie in a parent up to here."""
    other_runs: frozenset[Path] = frozenset()
    """Folders below this run that are runs of their own: `read` leaves them alone."""
    pattern: PathPattern | None = None
    """--pattern, for the one layout that has no naming of its own."""


class Layout(Protocol):
    """A module of this package. The members are module-level names."""

    NAME: str
    """The module's own name; what --layout takes and the store keeps."""

    def claims(self, folder: Path) -> str | None:
        """Why this folder is a run of this layout, as "it holds …"; None when it is not.

        Called for every folder of a tree: it may list the folder and read the beginning of a few
        files.
        """

    def read(self, folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
        """All runs in a claimed folder: one, or several when pictures of different weights share
        it. Raises nothing but for a wrong --pattern: what is wrong becomes a `Problem` or a
        sentence of advice."""


def all_layouts() -> tuple[Layout, ...]:
    """Every layout, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast(Layout, importlib.import_module(f"{__name__}.{name}")) for name in names)
