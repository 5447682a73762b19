"""How far pictures move: from the base model's, from the validation before, along a plateau.

Formula: the distance of two pictures of one prompt is 1 - cosine of their CLIP vectors (as CLIP-I
in DreamBooth, Ruiz et al. 2023, compares pictures), averaged over a prompt's pictures and then over
prompts, with the standard error over prompts: every comparison is paired by prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.picturecells import RunPictures, by_prompt, distances, mean_and_se
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.series import Floats, Ints


@dataclass(frozen=True)
class Moves:
    """Means over prompts per validation; arrays (T,), NaN where there is nothing to compare."""

    from_base: Floats
    from_base_se: Floats
    from_previous: Floats
    from_previous_se: Floats
    from_last: Floats
    """Distance to the last validation's pictures."""


@dataclass(frozen=True)
class Drift:
    """The pictures of a plateau in thirds: first, middle, last."""

    distance: float
    """Mean distance between pictures of the first and of the last third."""
    excess: float
    """How much more that is than between neighbouring thirds."""
    p: float
    """Share of random orders of the same validations with at least that excess."""


def moves_of(run: RunPictures) -> Moves:
    """All distances of the trained pictures."""
    n_steps = len(run.steps)
    base = [
        distances(run, run.trained[t], np.where(run.base[t] >= 0, run.base[t], run.base_apart))
        for t in range(n_steps)
    ]
    nothing = np.full(run.trained.shape[1], np.nan)
    previous = [
        distances(run, run.trained[t], run.trained[t - 1]) if t else nothing for t in range(n_steps)
    ]
    last = [distances(run, run.trained[t], run.trained[-1]) for t in range(n_steps)]
    from_base, from_base_se = _means(run, base)
    from_previous, from_previous_se = _means(run, previous)
    return Moves(from_base, from_base_se, from_previous, from_previous_se, _means(run, last)[0])


def frozen_since(moves: Moves, reference: float, rules: PictureRules) -> int | None:
    """Index of the first of the last validations that all show the last one's pictures."""
    same = moves.from_last <= rules.same_share * reference
    changed = np.flatnonzero(~same)
    start = int(changed[-1]) + 1 if len(changed) else 0
    return start if len(same) - start >= rules.frozen_validations else None


def drift_of(run: RunPictures, start: int, rules: PictureRules) -> Drift | None:
    """Whether the validations from index `start` on go somewhere; None for fewer than `min_tail`.

    With S[s, t] the mean cosine over prompts of two validations' pictures, and A, B, C the first,
    middle and last third: excess = (mean S[A, B] + mean S[B, C]) / 2 - mean S[A, C]. Pictures that
    come and go, however wildly, give about 0; a way from A over B to C gives more. How much more is
    chance is told as in Mantel's test (1967), by the same validations in random orders: all prompts
    of a checkpoint move together, so an error over prompts would be far too small.
    """
    n_steps = len(run.steps) - start
    if n_steps < rules.min_tail:
        return None
    similar = _similarity(run, run.trained[start:])
    if not np.isfinite(similar).all():
        return None  # two validations without a common picture
    third = n_steps // 3
    order = np.random.default_rng(0).permuted(  # a fixed seed: the same vectors, the same answer
        np.tile(np.arange(n_steps), (rules.drift_orders, 1)), axis=1
    )
    excess = _excess(similar, np.arange(n_steps)[None], third)[0]
    by_chance = _excess(similar, order, third)
    p = (1 + int((by_chance >= excess).sum())) / (1 + rules.drift_orders)
    return Drift(1.0 - float(similar[:third, n_steps - third :].mean()), float(excess), p)


def _excess(similar: Floats, orders: Ints, third: int) -> Floats:
    """(k,) excess of each order (k, T) of the validations."""
    first, middle = orders[:, :third], orders[:, third : orders.shape[1] - third]
    last = orders[:, orders.shape[1] - third :]
    near = _mean_between(similar, first, middle) + _mean_between(similar, middle, last)
    return near / 2 - _mean_between(similar, first, last)


def _mean_between(similar: Floats, some: Ints, others: Ints) -> Floats:
    mean: Floats = similar[some[:, :, None], others[:, None, :]].mean(axis=(1, 2))
    return mean


def _similarity(run: RunPictures, cells: Ints) -> Floats:
    """(T, T) mean cosine of two validations' pictures of one column, over the columns both have."""
    n_steps = len(cells)
    total, count = np.zeros((n_steps, n_steps)), np.zeros((n_steps, n_steps))
    for column in cells.T:
        there = np.flatnonzero(column >= 0)
        vectors = run.vectors[column[there]]
        total[np.ix_(there, there)] += vectors @ vectors.T
        count[np.ix_(there, there)] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _means(run: RunPictures, by_step: list[Floats]) -> tuple[Floats, Floats]:
    pairs = [mean_and_se(by_prompt(run, values)) for values in by_step]
    to_array = np.array([[np.nan if x is None else x for x in pair] for pair in pairs])
    return to_array.reshape(-1, 2)[:, 0], to_array.reshape(-1, 2)[:, 1]
