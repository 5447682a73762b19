"""Which checkpoints a run's folder holds now, for going back to one.

Invariant: only names are read, never what is inside; trainers remove old checkpoints, so the folder
is looked at when the question is asked and not remembered.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"checkpoint-([0-9]{1,12})(?:-rolling)?")


class Checkpoint(NamedTuple):
    """One checkpoint folder of a run."""

    step: int
    name: str


def list_checkpoints(root: Path) -> tuple[Checkpoint, ...]:
    """The folders `checkpoint-<step>` directly in `root`, by step, as SimpleTuner and the scripts
    of diffusers write them; none where the folder is not on this machine."""
    try:
        names = [path.name for path in root.iterdir() if _NAME.fullmatch(path.name)]
        found = [name for name in names if (root / name).is_dir()]
    except OSError:
        return ()
    return tuple(sorted(Checkpoint(int(name.split("-")[1]), name) for name in found))
