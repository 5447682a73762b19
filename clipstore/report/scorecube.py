"""Every prompt's score at every validation of every run, small enough to stand in the page.

Invariant: a cell that has no score is `MISSING`, never 0. Where the cells are too many, whole
validations are left out by a fixed rule, then whole runs from the end of the table, and the cube
says so; no prompt is ever left out of a run that is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from clipstore.report.shortids import name_to_short_id
from clipstore.types import TRAINED_PANELS

BYTES_PER_CELL = 8 / 3
"""Two, a third more as base64."""
SHARE_OF_PAGE = 0.3
"""Of the page's size cap, for the cubes of all models: 1.3 million cells of a page of 12 MB."""
UNITS_PER_COSINE = 10_000
"""A cell's number is round(cosine * this) + `ZERO`: finer than the picture noise by far."""
ZERO = 10_000
"""What the cosine 0 is stored as; cosines below -1 do not exist."""
MISSING = 65_535
MAX_TEXT = 300
"""Characters of a prompt: about what CLIP itself reads."""

Cells = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class CubePrompt:
    """One row of the heatmap."""

    id: str
    """Short id of its whole text."""
    prompt_id: str
    text: str
    """The newest text that the id stood for, clipped."""


@dataclass(frozen=True)
class CubeRun:
    """One run's scores."""

    run: str
    steps: tuple[int, ...]
    """The validations that are in the cube."""
    n_validations: int
    """Of the run, those left out counted."""
    cells: Cells
    """(1 + len(steps), n_prompts): the base model's first, then the validations'."""


@dataclass(frozen=True)
class ScoreCube:
    """All runs of one model."""

    prompts: tuple[CubePrompt, ...]
    """By prompt id."""
    runs: tuple[CubeRun, ...]
    """In the order of the table."""
    left_out: str | None
    """A sentence that says what is not in the cube; None when all is."""


def cells_for_page(size_cap_bytes: int, n_models: int) -> int:
    """How many cells each model's cube may have on a page of that size."""
    return int(SHARE_OF_PAGE * size_cap_bytes / BYTES_PER_CELL / max(1, n_models))


class CubeCells:
    """The cells of one model's runs, added a few runs at a time."""

    def __init__(self) -> None:
        self._places = pl.DataFrame(schema={"prompt_id": pl.String, "place": pl.Int64})
        self._newest = pl.DataFrame(
            schema={"prompt_id": pl.String, "step": pl.Int64, "run": pl.String, "text": pl.String}
        )
        self._runs: dict[str, CubeRun] = {}

    def add(self, prompt_step: pl.DataFrame) -> None:
        """All rows of some runs: `tables.PROMPT_STEP_COLUMNS`. Where a prompt id stands twice at a
        step, the mean counts."""
        finite = prompt_step.filter(pl.col("cosine").is_finite())
        unknown = finite.select(pl.col("prompt_id").unique(maintain_order=True)).join(
            self._places, on="prompt_id", how="anti", maintain_order="left"
        )
        self._places = pl.concat(
            [
                self._places,
                unknown.with_row_index("place", offset=self._places.height).select(
                    "prompt_id", pl.col("place").cast(pl.Int64)
                ),
            ]
        )
        by_age = [pl.col("step"), pl.col("run")]
        newest = finite.group_by("prompt_id").agg(
            pl.col("step", "run", "text").sort_by(by_age).last()
        )
        self._newest = (
            pl.concat([self._newest, newest])
            .sort("step", "run", maintain_order=True)
            .unique("prompt_id", keep="last")
        )
        numbered = finite.select("run", "step", "panel", "prompt_id", "cosine").join(
            self._places, on="prompt_id"
        )
        for (run,), rows in numbered.partition_by("run", as_dict=True).items():
            self._runs[str(run)] = _run_cells(str(run), rows, self._places.height)

    def to_cube(self, runs: Sequence[str], max_cells: int) -> ScoreCube:
        """`runs` in the page's order."""
        listed = self._newest.join(self._places, on="prompt_id").sort("prompt_id")
        prompts = tuple(
            CubePrompt(name_to_short_id(text or ""), prompt_id, _clipped(text or ""))
            for prompt_id, text in listed.select("prompt_id", "text").iter_rows()
        )
        order = listed["place"].to_numpy()
        nothing = CubeRun("", (), 0, np.full((1, 0), MISSING, np.uint16))
        whole = [replace(_in_order(self._runs.get(run, nothing), order), run=run) for run in runs]
        n_cells = sum(run.cells.size for run in whole)
        if n_cells <= max_cells:
            return ScoreCube(prompts, tuple(whole), None)
        return _thinned(prompts, whole, max_cells)


def _in_order(run: CubeRun, order: npt.NDArray[np.int64]) -> CubeRun:
    """The columns in the order of the prompts; those that came later than the run are missing."""
    cells = np.full((len(run.cells), len(order)), MISSING, np.uint16)
    known = order < run.cells.shape[1]
    cells[:, known] = run.cells[:, order[known]]
    return replace(run, cells=cells)


def _run_cells(run: str, rows: pl.DataFrame, n_prompts: int) -> CubeRun:
    trained = rows.filter(pl.col("panel").is_in(TRAINED_PANELS))
    base = rows.filter(pl.col("panel") == "base")
    steps = trained["step"].unique().sort().to_numpy()
    sums = np.zeros((1 + len(steps), n_prompts))
    counts = np.zeros_like(sums)
    at = 1 + np.searchsorted(steps, trained["step"].to_numpy())
    np.add.at(sums, (at, trained["place"].to_numpy()), trained["cosine"].to_numpy())
    np.add.at(counts, (at, trained["place"].to_numpy()), 1)
    np.add.at(sums[0], base["place"].to_numpy(), base["cosine"].to_numpy())
    np.add.at(counts[0], base["place"].to_numpy(), 1)
    cells = np.full(sums.shape, MISSING, np.uint16)
    there = counts > 0
    cells[there] = np.round(sums[there] / counts[there] * UNITS_PER_COSINE + ZERO)
    return CubeRun(run, tuple(steps.tolist()), len(steps), cells)


def _thinned(
    prompts: tuple[CubePrompt, ...], whole: Sequence[CubeRun], max_cells: int
) -> ScoreCube:
    """First, best and last validation and every k-th between, k as small as fits; then as many runs
    from the top as fit."""
    longest = max(len(run.steps) for run in whole)
    every = 1
    thin = list(whole)
    while every < longest and sum(run.cells.size for run in thin) > max_cells:
        every += 1
        thin = [_every_kth(run, every) for run in whole]
    kept: list[CubeRun] = []
    n_cells = 0
    for run in thin:
        n_cells += run.cells.size
        if n_cells > max_cells and kept:
            break
        kept.append(run)
    n_all = sum(run.n_validations for run in whole)
    n_kept = sum(len(run.steps) for run in kept)
    told = (
        f"{n_kept:,} of {n_all:,} validations are on this page prompt by prompt: each run’s first, "
        f"best and last" + (f" and every {every}th between" if every < longest else "")
    )
    if len(kept) < len(whole):
        told += f", of the first {len(kept):,} of {len(whole):,} runs of the table"
    return ScoreCube(prompts, tuple(kept), told + ". The means above are of all of them.")


def _every_kth(run: CubeRun, every: int) -> CubeRun:
    n = len(run.steps)
    if n == 0:
        return run
    values = np.where(run.cells[1:] == MISSING, np.nan, run.cells[1:].astype(float))
    with np.errstate(invalid="ignore"):
        means = np.nansum(values, axis=1) / np.maximum(np.isfinite(values).sum(axis=1), 1)
    rows = sorted({0, int(np.argmax(means)), n - 1, *range(0, n, every)})
    if every >= n:
        rows = sorted({0, int(np.argmax(means)), n - 1})
    cells = run.cells[[0, *(1 + row for row in rows)]]
    return CubeRun(run.run, tuple(run.steps[row] for row in rows), run.n_validations, cells)


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
