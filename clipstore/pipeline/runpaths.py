"""Paths as the store has them.

Invariant: a file is called by its path below its run's folder. Apart from the rows, because who
only names files needs no polars.
"""

from __future__ import annotations

from pathlib import Path

from clipstore.types import Run


def path_in_run(path: Path, run: Run) -> str:
    """The file's path below the run's folder, with forward slashes; absolute when outside it."""
    # As text first: taking paths apart costs ten times as much, thrice for every picture.
    whole, folder = path.as_posix(), f"{run.root.as_posix()}/"
    if whole.startswith(folder):
        return whole[len(folder) :]
    try:
        return path.relative_to(run.root).as_posix()
    except ValueError:
        return path.as_posix()
