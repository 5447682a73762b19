"""The runs below a folder, counted before anything is scored.

Invariant: a survey says what to expect and decides nothing. Folders go on changing, so each run is
read again when its turn comes, and only that reading is scored and accounted for. What is counted
here is let go of at once: memory is that of the largest folder, not of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clipstore.pipeline.discover import Outline
from clipstore.pipeline.findlogs import holds_logs
from clipstore.types import RunContents


@dataclass(frozen=True)
class SurveyedRun:
    """What one run came to."""

    run_id: int
    root: Path
    """The run's folder."""
    n_files: int
    """Everything in it that has to be accounted for."""
    n_pictures: int
    """Of these, the pictures that can be scored."""
    has_logs: bool
    """Whether it has logs, in which there may be more pictures."""


@dataclass(frozen=True)
class Survey:
    """An outline, with its runs counted."""

    outline: Outline
    runs: tuple[SurveyedRun, ...]
    """In the order of the outline."""
    advice: tuple[str, ...]
    """Sentences for the user, each with the run's name."""

    @property
    def n_pictures(self) -> int:
        """How many pictures may have to be scored; which of them are known is not known yet."""
        return sum(run.n_pictures for run in self.runs)


def survey(found: Outline) -> Survey:
    """Read every run once, to count it. Raises `PatternMismatch` as the outline does."""
    runs: list[SurveyedRun] = []
    advice: list[str] = []
    for contents in found.runs():
        runs.append(_count(contents))
        advice += [f"{contents.run.name}: {sentence}" for sentence in contents.advice]
    return Survey(found, tuple(runs), tuple(advice))


def count_files(runs: Iterable[RunContents]) -> int:
    """How many files these runs have to account for."""
    return sum(len(run.pictures) + len(run.problems) + len(run.skipped) for run in runs)


def _count(contents: RunContents) -> SurveyedRun:
    return SurveyedRun(
        contents.run.run_id,
        contents.run.root,
        count_files([contents]),
        len(contents.pictures),
        holds_logs(contents),
    )
