"""Scores as rows become one matrix per run: validations by prompts.

Invariant: only the panels that show the trained weights are on the curve; base pictures are kept
beside it for comparison and EMA pictures are left out. A prompt is (prompt_id, text_id), so an
edited text starts a new column. Repeated scores (black or copied pictures) are blanked here, where
single pictures can still be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore.analysis.rules import Rules
from clipstore.types import TRAINED_PANELS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class RunScores:
    """What one model measured of one run. T validations, P prompts; either may be 0."""

    model_id: int
    model: str
    run_id: int
    run: str
    steps: Ints
    """(T,) ascending."""
    prompts: Ints
    """(P,) numbers of the prompts, the same for the same prompt in every run of one frame."""
    cosine: Floats
    """(T, P) mean over a prompt's pictures; NaN where there is none or it was blanked."""
    raw_mean: Floats
    """(T,) mean over prompts before anything was blanked: the trainer's clip/mean / 100."""
    n_prompts: Ints
    """(T,)"""
    n_images: Ints
    """(T,)"""
    base: Floats
    """(P,) mean over the base model's pictures of each prompt; NaN where there are none."""
    codes: tuple[str, ...]
    """CONSTANT_SCORES and DUPLICATE_SCORES where scores were blanked."""

    def until(self, n_validations: int) -> RunScores:
        """The run as it was after its first `n_validations` validations."""
        end = slice(0, n_validations)
        return RunScores(
            self.model_id,
            self.model,
            self.run_id,
            self.run,
            self.steps[end],
            self.prompts,
            self.cosine[end],
            self.raw_mean[end],
            self.n_prompts[end],
            self.n_images[end],
            self.base,
            self.codes,
        )


def run_scores_from_frame(scores: pl.DataFrame, rules: Rules) -> Iterator[RunScores]:
    """One `RunScores` per (model_id, run_id) of the frame, in that order.

    Columns: model_id, model, run_id, run, step, prompt_id, text_id, panel, image_index, cosine.
    Scores that are null or not finite count as missing. A run with no usable score yields empty
    arrays, so that it is still answered for.
    """
    keys = scores.select("model_id", "model", "run_id", "run").unique(["model_id", "run_id"])
    numbered = (
        scores.filter(pl.col("cosine").is_finite())
        .filter(pl.col("panel").is_in([*TRAINED_PANELS, "base"]))
        .join(numbered_prompts(scores), on=["prompt_id", "text_id"])
        .select(
            "model_id",
            "run_id",
            (pl.col("panel") == "base").alias("is_base"),
            pl.col("step").cast(pl.Int64),
            pl.col("prompt").cast(pl.Int64),
            pl.col("image_index").cast(pl.Int64),
            pl.col("cosine").cast(pl.Float64),
        )
    )
    by_run = numbered.partition_by(["model_id", "run_id"], as_dict=True, include_key=False)
    nothing = numbered.clear().drop("model_id", "run_id")
    for model_id, model, run_id, run in keys.sort("model_id", "run_id").iter_rows():
        rows = by_run.get((model_id, run_id), nothing)
        yield _run_scores(model_id, model, run_id, run, rows, rules)


def numbered_prompts(scores: pl.DataFrame) -> pl.DataFrame:
    """prompt_id, text_id and `prompt`: the number that a prompt has in every run of one frame."""
    prompts = scores.select("prompt_id", "text_id").unique().sort("prompt_id", "text_id")
    return prompts.with_row_index("prompt")


def _run_scores(
    model_id: int, model: str, run_id: int, run: str, rows: pl.DataFrame, rules: Rules
) -> RunScores:
    is_base = rows["is_base"].to_numpy()
    prompt = rows["prompt"].to_numpy()
    cosine = rows["cosine"].to_numpy()
    on_curve = ~is_base
    steps, step_at = _distinct(rows["step"].to_numpy()[on_curve])
    image = rows["image_index"].to_numpy()[on_curve]
    n_images_each = int(image.max(initial=0)) + 1
    picture = prompt[on_curve] * n_images_each + image
    pictures, picture_at = _distinct(picture)
    shape = (len(steps), len(pictures))
    cells, counts = _mean_by_cell(step_at * shape[1] + picture_at, cosine[on_curve], shape)
    prompts, prompt_at = np.unique(pictures // n_images_each, return_inverse=True)

    raw = _mean_by_group(cells, prompt_at, len(prompts))  # (T, P)
    constant, duplicate = repeated_cells(cells, rules)
    codes: tuple[str, ...] = ()
    clean = raw
    if constant.any() or duplicate.any():
        clean = _mean_by_group(
            np.where(constant | duplicate, np.nan, cells), prompt_at, len(prompts)
        )
        codes = (("CONSTANT_SCORES",) if constant.any() else ()) + (
            ("DUPLICATE_SCORES",) if duplicate.any() else ()
        )
    base, _ = _mean_by_cell(
        np.searchsorted(prompts, prompt[is_base])[np.isin(prompt[is_base], prompts)],
        cosine[is_base][np.isin(prompt[is_base], prompts)],
        (1, len(prompts)),
    )
    there = np.isfinite(raw)
    n_prompts = there.sum(axis=1)
    return RunScores(
        model_id,
        model,
        run_id,
        run,
        steps,
        prompts,
        clean,
        np.where(there, raw, 0.0).sum(axis=1) / np.maximum(n_prompts, 1),
        n_prompts,
        counts.sum(axis=1),
        base[0],
        codes,
    )


def _distinct(numbers: Ints) -> tuple[Ints, Ints]:
    """(sorted distinct numbers, place of each one among them); faster than numpy's own inverse."""
    distinct = np.unique(numbers)
    return distinct, np.searchsorted(distinct, numbers)


def _mean_by_cell(at: Ints, values: Floats, shape: tuple[int, int]) -> tuple[Floats, Ints]:
    """Means and counts of `values` by flat cell number `at`; NaN where a cell is empty."""
    size = shape[0] * shape[1]
    count = np.bincount(at, minlength=size)
    total = np.bincount(at, weights=values, minlength=size)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean.reshape(shape), count.reshape(shape)


def _mean_by_group(cells: Floats, group: Ints, n_groups: int) -> Floats:
    """(T, C) to (T, n_groups): mean over the columns of a group that are there."""
    if n_groups == cells.shape[1]:
        return cells
    there = np.isfinite(cells)
    starts = np.searchsorted(group, np.arange(n_groups))
    total = np.add.reduceat(np.where(there, cells, 0.0), starts, axis=1)
    count = np.add.reduceat(there.astype(np.int64), starts, axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def repeated_cells(cells: Floats, rules: Rules) -> tuple[Bools, Bools]:
    """Where single-picture scores (T, C) repeat exactly: (within one column, across columns).

    A black picture has one vector, so its score with one text is one number; copied pictures repeat
    too. Scores that were rounded on export repeat by chance: there only long unbroken repeats of
    one column count, or a column that never changes.
    """
    none = np.zeros(cells.shape, bool)
    values = np.sort(cells[np.isfinite(cells)])
    if values.size < rules.repeated_cells:
        return none, none
    if _are_rounded(values):
        return _long_repeats(cells, rules), none
    times = (
        rules.repeated_cells if values.size <= rules.large_run_cells else rules.repeated_cells_large
    )
    again = np.unique(values[times - 1 :][values[times - 1 :] == values[: 1 - times]])
    if again.size == 0:
        return none, none
    constant, duplicate = none.copy(), none.copy()
    at = np.searchsorted(again, cells).clip(max=again.size - 1)
    for number in range(again.size):
        here = (at == number) & (cells == again[number])
        target = constant if here.any(axis=0).sum() == 1 else duplicate
        target |= here
    whole_columns = duplicate.sum(axis=0) >= times
    constant |= duplicate & whole_columns
    return constant, duplicate & ~whole_columns


def _are_rounded(values: Floats) -> bool:
    scaled = values * 1e5  # float32 near .3 resolves 3e-8, so 3e-3 here
    return bool(np.mean(np.abs(scaled - np.rint(scaled)) < 5e-3) > 0.99)


def _long_repeats(cells: Floats, rules: Rules) -> Bools:
    """Cells in an unbroken repeat of at least `rounded_repeat`, or in a column of one value."""
    n_steps, n_columns = cells.shape
    length = np.zeros(n_columns, np.int64)
    mask = np.zeros(cells.shape, bool)
    for t in range(n_steps):
        same = cells[t] == cells[t - 1] if t else np.zeros(n_columns, bool)
        length = np.where(same, length + 1, 1)
        for column in np.flatnonzero(length >= rules.rounded_repeat):
            mask[t - length[column] + 1 : t + 1, column] = True
    there = np.isfinite(cells)
    low = np.where(there, cells, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, cells, -np.inf).max(axis=0, initial=-np.inf)
    one_value = (low == high) & (there.sum(axis=0) >= rules.repeated_cells)
    mask |= there & one_value
    return mask
