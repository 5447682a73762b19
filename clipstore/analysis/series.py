"""Scores as rows become one matrix per run: validations by prompts.

Invariant: only the panels that show the trained weights are on the curve; base pictures are kept
beside it for comparison and EMA pictures are left out. A prompt is (prompt_id, text_id), so an
edited text starts a new column. Repeated scores (black or copied pictures) are blanked here, where
single pictures can still be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl

from clipstore.analysis.arrays import Bools, Floats, Ints
from clipstore.analysis.repeats import repeated_cells
from clipstore.analysis.rules import Rules
from clipstore.types import TRAINED_PANELS

__all__ = ["Bools", "Floats", "Ints"]  # the names that other modules of the analysis know


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
        return replace(
            self,
            steps=self.steps[end],
            cosine=self.cosine[end],
            raw_mean=self.raw_mean[end],
            n_prompts=self.n_prompts[end],
            n_images=self.n_images[end],
        )


class RunNames(NamedTuple):
    """One run under one model."""

    model_id: int
    model: str
    run_id: int
    run: str


class RunRows(NamedTuple):
    """The scores of one run under one model as they come, one a picture and panel, all (N,)."""

    step: Ints
    prompt: Ints
    """Any numbers that are the same for the same prompt in every run."""
    image_index: Ints
    is_base: Bools
    cosine: Floats
    """Finite."""


class RunCells(NamedTuple):
    """The same as a matrix: T validations by C pictures, those of one prompt side by side."""

    steps: Ints
    """(T,) ascending."""
    prompt: Ints
    """(C,) ascending."""
    cosine: Floats
    """(T, C) NaN where there is none; the mean where there are several."""
    n_rows: Ints
    """(T, C) rows behind each cell."""
    base: Mapping[int, float]
    """By prompt, the mean over the base model's pictures; a prompt that is missing has none."""


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
        step, prompt, image, is_base, cosine = (
            rows[name].to_numpy() for name in ("step", "prompt", "image_index", "is_base", "cosine")
        )
        names = RunNames(model_id, model, run_id, run)
        yield run_scores_from_cells(
            names, cells_from_rows(RunRows(step, prompt, image, is_base, cosine)), rules
        )


def numbered_prompts(scores: pl.DataFrame) -> pl.DataFrame:
    """prompt_id, text_id and `prompt`: the number that a prompt has in every run of one frame."""
    prompts = scores.select("prompt_id", "text_id").unique().sort("prompt_id", "text_id")
    return prompts.with_row_index("prompt")


def cells_from_rows(rows: RunRows) -> RunCells:
    """One run's matrix of pictures. Rows of one picture, as of two panels, are averaged."""
    on_curve = ~rows.is_base
    steps, step_at = _distinct(rows.step[on_curve])
    prompt, picture_at = _pictures(rows.prompt[on_curve], rows.image_index[on_curve])
    shape = (len(steps), len(prompt))
    cosine, count = _mean_by_cell(step_at * shape[1] + picture_at, rows.cosine[on_curve], shape)
    base: dict[int, float] = {}
    if rows.is_base.any():
        prompts, prompt_at = _distinct(rows.prompt[rows.is_base])
        means, _ = _mean_by_cell(prompt_at, rows.cosine[rows.is_base], (1, len(prompts)))
        base = dict(zip(prompts.tolist(), means[0].tolist(), strict=True))
    return RunCells(steps, prompt, cosine, count, base)


def run_scores_from_cells(names: RunNames, cells: RunCells, rules: Rules) -> RunScores:
    """Pictures to prompts: repeated scores blanked, the rest averaged by prompt."""
    prompts, prompt_at = np.unique(cells.prompt, return_inverse=True)
    raw = _mean_by_group(cells.cosine, prompt_at, len(prompts))  # (T, P)
    constant, duplicate = repeated_cells(cells.cosine, rules)
    codes: tuple[str, ...] = ()
    clean = raw
    if constant.any() or duplicate.any():
        kept = np.where(constant | duplicate, np.nan, cells.cosine)
        clean = _mean_by_group(kept, prompt_at, len(prompts))
        codes = (("CONSTANT_SCORES",) if constant.any() else ()) + (
            ("DUPLICATE_SCORES",) if duplicate.any() else ()
        )
    there = np.isfinite(raw)
    n_prompts = there.sum(axis=1)
    return RunScores(
        *names,
        steps=cells.steps,
        prompts=prompts,
        cosine=clean,
        raw_mean=np.where(there, raw, 0.0).sum(axis=1) / np.maximum(n_prompts, 1),
        n_prompts=n_prompts,
        n_images=cells.n_rows.sum(axis=1),
        base=np.array([cells.base.get(prompt, np.nan) for prompt in prompts.tolist()]),
        codes=codes,
    )


def _distinct(numbers: Ints) -> tuple[Ints, Ints]:
    """(sorted distinct numbers, place of each one among them); faster than numpy's own inverse.

    Scores mostly come in order of steps, and every step with the same prompts in the same order:
    then a few comparisons do for sorting.
    """
    n = len(numbers)
    changes = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    if len(changes) < n // 4 and (numbers[changes] > numbers[changes - 1]).all():
        starts = np.append(0, changes)[: n and len(changes) + 1]
        lengths = np.diff(np.append(starts, n))
        return numbers[starts], np.repeat(np.arange(len(starts)), lengths)
    again = np.flatnonzero(numbers == numbers[0]) if n else changes
    period = int(again[1]) if len(again) > 1 else n
    if period < n and n % period == 0 and (numbers.reshape(-1, period) == numbers[:period]).all():
        distinct, at = np.unique(numbers[:period], return_inverse=True)
        return distinct, np.tile(at, n // period)
    distinct = np.unique(numbers)
    return distinct, np.searchsorted(distinct, numbers)


def _pictures(prompt: Ints, image: Ints) -> tuple[Ints, Ints]:
    """((C,) prompt of each distinct picture, ascending; place of each row among them)."""
    prompts, prompt_at = _distinct(prompt)
    n_images = int(image.max(initial=0)) + 1
    if n_images == 1:
        return prompts, prompt_at
    pictures, picture_at = _distinct(prompt_at * n_images + image)
    return prompts[pictures // n_images], picture_at


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
