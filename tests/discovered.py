"""All runs below a folder, read and held together: what tests look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clipstore.pipeline.discover import outline
from clipstore.pipeline.survey import count_files
from clipstore.types import Problem, RunContents, Skipped


@dataclass(frozen=True)
class Discovered:
    """What was found below one folder."""

    root: Path
    runs: tuple[RunContents, ...]
    skipped: tuple[Skipped, ...]
    problems: tuple[Problem, ...]

    @property
    def seen_files(self) -> int:
        """Everything accounted for, in runs and outside."""
        return len(self.skipped) + len(self.problems) + count_files(self.runs)


def discover(root: Path, **options: object) -> Discovered:
    """`outline`, with its runs read."""
    found = outline(root, **options)
    return Discovered(found.root, tuple(found.runs()), found.skipped, found.problems)
