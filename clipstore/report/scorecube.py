"""Every prompt's score at every validation of every run, small enough to stand in the page.

Invariant: a cell that has no score is `MISSING`, never 0. Where the cells are too many, whole
validations are left out by a fixed rule, then whole runs from the end of the table, and the cube
says so with counts; no prompt is ever left out of a run that is in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from clipstore.report.shortids import name_to_short_id
from clipstore.types import TRAINED_PANELS

BYTES_PER_CELL = 8 / 3
"""Two, a third more as base64."""
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
    """By prompt id; none where no run is in the cube."""
    runs: tuple[CubeRun, ...]
    """The first of the table."""
    n_prompts: int
    """Of all runs, like the next two."""
    n_runs: int
    n_validations: int
    every: int = 1
    """Which validations between a run's first, best and last are there: every so many-th; 0 for
    none."""

    @property
    def left_out(self) -> str | None:
        """A sentence that says what is not in the cube; None when all is."""
        n_kept = sum(len(run.steps) for run in self.runs)
        if len(self.runs) == self.n_runs and n_kept == self.n_validations:
            return None
        if not self.runs:
            return (
                f"They are not on this page, to keep it small: the scores prompt by prompt of "
                f"{self.n_validations:,} validations of {self.n_runs:,} runs. The SQL below gives "
                "them; the means above are of all of them."
            )
        told = f"{n_kept:,} of {self.n_validations:,} validations are on this page prompt by prompt"
        if self.every != 1:
            told += ": each run’s first, best and last"
            told += f" and every {_ordinal(self.every)} between" if self.every else ""
        if len(self.runs) < self.n_runs:
            told += "," if self.every != 1 else ": those"
            told += f" of the first {len(self.runs):,} of {self.n_runs:,} runs of the table"
        return f"{told}. The means above are of all of them."

    @property
    def run_bytes(self) -> tuple[int, ...]:
        """What each run costs the page."""
        return tuple(_run_bytes(run) for run in self.runs)

    @property
    def text_bytes(self) -> int:
        """What the prompts cost it."""
        return sum(len(json.dumps([p.id, p.prompt_id, p.text])) for p in self.prompts)

    @property
    def n_bytes(self) -> int:
        """What all of it costs."""
        return self.text_bytes + sum(self.run_bytes)

    def of_first(self, n_runs: int) -> ScoreCube:
        """Without the runs after these; without any run, without the prompts too."""
        runs = self.runs[:n_runs]
        return replace(self, runs=runs, prompts=self.prompts if runs else ())


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

    def to_cube(self, runs: Sequence[str], max_bytes: int) -> ScoreCube:
        """`runs` in the page's order; `max_bytes` of the page for the cells and the prompts."""
        listed = self._newest.join(self._places, on="prompt_id").sort("prompt_id")
        prompts = tuple(
            CubePrompt(name_to_short_id(text or ""), prompt_id, _clipped(text or ""))
            for prompt_id, text in listed.select("prompt_id", "text").iter_rows()
        )
        order = listed["place"].to_numpy()
        nothing = CubeRun("", (), 0, np.full((1, 0), MISSING, np.uint16))
        whole = [replace(_in_order(self._runs.get(run, nothing), order), run=run) for run in runs]
        n_validations = sum(run.n_validations for run in whole)
        cube = ScoreCube(prompts, tuple(whole), len(prompts), len(whole), n_validations)
        return _thinned(cube, max_bytes - cube.text_bytes)


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


def _thinned(whole: ScoreCube, max_bytes: int) -> ScoreCube:
    """First, best and last validation and every k-th between, k as small as fits; then as many runs
    from the top as fit."""
    if sum(whole.run_bytes) <= max_bytes:
        return whole
    best = [_best_validation(run) for run in whole.runs]

    def rows(every: int) -> list[list[int]]:
        numbers = zip(whole.runs, best, strict=True)
        return [_rows_kept(len(run.steps), at, every) for run, at in numbers]

    longest = max(len(run.steps) for run in whole.runs)
    max_rows = max_bytes / BYTES_PER_CELL / max(1, whole.n_prompts)
    intervals = (k for k in range(2, longest) if sum(1 + len(kept) for kept in rows(k)) <= max_rows)
    every = next(intervals, 0)
    thin = tuple(_with_rows(run, kept) for run, kept in zip(whole.runs, rows(every), strict=True))
    n_runs, left_bytes = 0, max_bytes
    for run in thin:
        left_bytes -= _run_bytes(run)
        if left_bytes < 0:
            break
        n_runs += 1
    return replace(whole, runs=thin, every=every).of_first(n_runs)


def _best_validation(run: CubeRun) -> int:
    """The first with the highest mean; 0 without any score."""
    values = np.where(run.cells[1:] == MISSING, np.nan, run.cells[1:].astype(float))
    n_there = np.maximum(np.isfinite(values).sum(axis=1), 1)
    return int(np.argmax(np.nansum(values, axis=1) / n_there)) if len(values) else 0


def _rows_kept(n_validations: int, best: int, every: int) -> list[int]:
    """Places of the validations that stay; `every` 0 for none between."""
    if n_validations == 0:
        return []
    between = range(0, n_validations, every) if every else ()
    return sorted({0, best, n_validations - 1, *between})


def _with_rows(run: CubeRun, rows: Sequence[int]) -> CubeRun:
    cells = run.cells[[0, *(1 + row for row in rows)]]
    return CubeRun(run.run, tuple(run.steps[row] for row in rows), run.n_validations, cells)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _run_bytes(run: CubeRun) -> int:
    return math.ceil(run.cells.size * BYTES_PER_CELL) + len(json.dumps(run.steps))


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
