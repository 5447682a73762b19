"""One run's pictures as vectors in a grid: validations by pictures.

Invariant: a cell is a row number of `vectors`, or -1 where there is no picture or no vector, so
identical pixels are one row. Columns are (prompt, text, image index): an edited text is another
column, and the blank prompt was left out before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore.analysis.series import Floats, Ints
from clipstore.types import TRAINED_PANELS

Vectors = NDArray[np.float32]
_COLUMN = ["prompt_id", "text_id", "image_index"]


@dataclass(frozen=True)
class VectorTable:
    """Vectors by identity."""

    ids: Ints
    """(m,) ascending: crop_id or text_id."""
    vectors: Vectors
    """(m, d), each of length 1."""

    def rows_of(self, ids: Ints) -> Ints:
        """The row of each id, -1 where it has no vector."""
        if len(self.ids) == 0:
            return np.full(len(ids), -1)
        at = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        return np.where(self.ids[at] == ids, at, -1)


@dataclass(frozen=True)
class RunPictures:
    """T validations, C columns of pictures, P prompts; any may be 0."""

    steps: Ints
    """(T,) ascending."""
    vectors: Vectors
    """(m, d)"""
    trained: Ints
    """(T, C) rows of `vectors`: pictures of the weights being trained."""
    base: Ints
    """(T, C) the base model's picture in the same file; -1 where there is none."""
    base_apart: Ints
    """(C,) the base model's picture from a file of its own."""
    base_cosine: Floats
    """(T, C) score of `base`, NaN where there is none."""
    prompt: Ints
    """(C,) number of the column's prompt, 0 to P - 1, ascending."""
    prompt_ids: tuple[str, ...]
    """(P,)"""
    text: Ints
    """(P,) row of `text_vectors`, -1 where there is none."""
    text_ids: Ints
    """(P,)"""
    text_vectors: Vectors
    """(k, d)"""
    n_pictures: int
    """Trained pictures with a score."""

    @property
    def n_without_vector(self) -> int:
        return self.n_pictures - int((self.trained >= 0).sum())


def run_pictures_from_frame(
    cells: pl.DataFrame, pictures: VectorTable, texts: VectorTable
) -> RunPictures:
    """The grid of one run under one model.

    cells: step, prompt_id, text_id, panel, image_index, crop_id, cosine; one row a picture.
    """
    trained = cells.filter(pl.col("panel").is_in(TRAINED_PANELS))
    columns = trained.select(_COLUMN).unique().sort(_COLUMN).with_row_index("column")
    prompts = columns.select("prompt_id", "text_id").unique(maintain_order=True)
    prompts = prompts.with_row_index("prompt")
    columns = columns.join(prompts, on=["prompt_id", "text_id"], maintain_order="left")
    steps = trained["step"].unique().sort().to_numpy()
    shape = (len(steps), columns.height)
    base = cells.filter(pl.col("panel") == "base")
    beside = base.filter(pl.col("step").is_in(steps.tolist()))
    apart = base.filter(~pl.col("step").is_in(steps.tolist())).sort("step", "image_index")
    one_each = apart.unique(["prompt_id", "text_id"], keep="first", maintain_order=True)
    base_rows = columns.join(
        one_each.select("prompt_id", "text_id", "crop_id"),
        on=["prompt_id", "text_id"],
        how="left",
        maintain_order="left",
    )["crop_id"].fill_null(-1)
    base_cosine = np.full(shape, np.nan)
    at = _cell_numbers(beside, columns, steps)
    base_cosine.flat[at] = _in_grid(beside, columns)["cosine"].to_numpy()
    return RunPictures(
        steps=steps,
        vectors=pictures.vectors,
        trained=_grid(trained, columns, steps, pictures),
        base=_grid(beside, columns, steps, pictures),
        base_apart=pictures.rows_of(base_rows.to_numpy()),
        base_cosine=base_cosine,
        prompt=columns["prompt"].cast(pl.Int64).to_numpy(),
        prompt_ids=tuple(prompts["prompt_id"].to_list()),
        text=texts.rows_of(prompts["text_id"].to_numpy()),
        text_ids=prompts["text_id"].to_numpy(),
        text_vectors=texts.vectors,
        n_pictures=trained.height,
    )


def _in_grid(rows: pl.DataFrame, columns: pl.DataFrame) -> pl.DataFrame:
    return rows.join(columns.select(*_COLUMN, "column"), on=_COLUMN, maintain_order="left")


def _cell_numbers(rows: pl.DataFrame, columns: pl.DataFrame, steps: Ints) -> Ints:
    placed = _in_grid(rows, columns)
    step_at = np.searchsorted(steps, placed["step"].to_numpy())
    return np.asarray(step_at * columns.height + placed["column"].cast(pl.Int64).to_numpy())


def _grid(rows: pl.DataFrame, columns: pl.DataFrame, steps: Ints, table: VectorTable) -> Ints:
    cells = np.full((len(steps), columns.height), -1)
    placed = _in_grid(rows, columns)
    cells.flat[_cell_numbers(rows, columns, steps)] = table.rows_of(placed["crop_id"].to_numpy())
    return cells


def distances(run: RunPictures, one: Ints, other: Ints) -> Floats:
    """(C,) 1 - cosine of two rows of cells (C,); NaN where either is missing."""
    result = np.full(len(one), np.nan)
    both = np.flatnonzero((one >= 0) & (other >= 0))
    same = one[both] == other[both]
    result[both[same]] = 0.0
    differ = both[~same]
    cosine = np.einsum("cd,cd->c", run.vectors[one[differ]], run.vectors[other[differ]])
    result[differ] = np.maximum(1.0 - cosine, 0.0)
    return result


def by_prompt(run: RunPictures, values: Floats) -> Floats:
    """(C,) to (P,): mean over a prompt's pictures; NaN for prompts without any."""
    there = np.isfinite(values)
    n = len(run.prompt_ids)
    total = np.bincount(run.prompt[there], weights=values[there], minlength=n)
    count = np.bincount(run.prompt[there], minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def prompt_vectors(run: RunPictures, cells: Ints) -> tuple[Ints, Floats]:
    """(prompts that have a picture, (n, d) mean of each one's unit vectors).

    Means are linear, so a cosine with a mean vector is the mean of the pictures' cosines.
    """
    there = np.flatnonzero(cells >= 0)
    prompts, starts = np.unique(run.prompt[there], return_index=True)
    vectors = run.vectors[cells[there]].astype(np.float64)
    if len(prompts) == len(there):  # one picture each, or none at all
        return prompts, vectors
    counts = np.diff(np.append(starts, len(there)))
    return prompts, np.add.reduceat(vectors, starts, axis=0) / counts[:, None]


def mean_and_se(values: Floats) -> tuple[float | None, float | None]:
    """Mean and standard error over prompts, of the values that are there."""
    there = values[np.isfinite(values)]
    if len(there) == 0:
        return None, None
    se = float(there.std(ddof=1) / np.sqrt(len(there))) if len(there) > 1 else None
    return float(there.mean()), se
