"""Which validations have all their pictures scored: run by step.

Invariant: what a validation should have is taken from the run itself, the most pictures that any of
its validations has; a step that other runs have and this one lacks is no gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from clipstore.types import TRAINED_PANELS


@dataclass(frozen=True)
class CoverageCell:
    """One validation."""

    step: int
    n_scored: int
    n_expected: int

    @property
    def is_whole(self) -> bool:
        return self.n_scored >= self.n_expected


@dataclass(frozen=True)
class CoverageRow:
    """One run."""

    run: str
    cells: tuple[CoverageCell, ...]
    """By step."""


@dataclass(frozen=True)
class Coverage:
    """All runs of one model."""

    steps: tuple[int, ...]
    """Every step that any run has, ascending: the columns of the grid."""
    rows: tuple[CoverageRow, ...]

    @property
    def lacking(self) -> tuple[tuple[str, CoverageCell], ...]:
        """(run, validation) of those that lack pictures, in the grid's order."""
        return tuple((r.run, cell) for r in self.rows for cell in r.cells if not cell.is_whole)

    @property
    def n_validations(self) -> int:
        return sum(len(row.cells) for row in self.rows)


def run_step_to_coverage(run_step: pl.DataFrame, runs: Sequence[str]) -> Coverage:
    """`run_step`: `tables.RUN_STEP_COLUMNS`, the rows of one model; `runs` in the page's order."""
    trained = (
        run_step.filter(pl.col("panel").is_in(TRAINED_PANELS))
        .group_by("run", "step")
        .agg(pl.col("n_images").sum())
        .with_columns(n_expected=pl.col("n_images").max().over("run"))
        .sort("run", "step")
    )
    cells: dict[str, list[CoverageCell]] = {run: [] for run in runs}
    for run, step, n_images, n_expected in trained.select(
        "run", "step", "n_images", "n_expected"
    ).iter_rows():
        if run in cells:
            cells[run].append(CoverageCell(step, n_images, n_expected))
    rows = tuple(CoverageRow(run, tuple(found)) for run, found in cells.items())
    return Coverage(tuple(sorted({c.step for row in rows for c in row.cells})), rows)
