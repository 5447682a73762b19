"""W&B's run folders: which of them are parts of one run.

Invariant: a run that is resumed under its id gets a further folder beside the first, named by its
own time and the same id; a folder's parts are never looked for elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"(?:offline-)?run-(?P<time>[0-9]{8}_[0-9]{6})-(?P<run>.+)", re.S)


class WandbRun(NamedTuple):
    """What the folders of one run have in common."""

    beside: Path
    """The folder that they lie in."""
    wandb_id: str


def folder_to_run(folder: Path) -> WandbRun | None:
    """The run that a folder is a part of; None for other folders."""
    match = _NAME.fullmatch(folder.name)
    return None if match is None else WandbRun(folder.parent, match["run"])


def later_parts(folders: Iterable[Path]) -> set[Path]:
    """Those of `folders` that go on with a run of which an earlier one is among them."""
    first: dict[WandbRun, Path] = {}
    later: set[Path] = set()
    for folder in sorted(folders, key=_begun):
        run = folder_to_run(folder)
        if run is not None and first.setdefault(run, folder) != folder:
            later.add(folder)
    return later


def _begun(folder: Path) -> tuple[str, str]:
    match = _NAME.fullmatch(folder.name)
    return ("" if match is None else match["time"], folder.name)
