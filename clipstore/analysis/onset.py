"""Since when the curve is at its end level, to within `flat_cosine`.

Two views, and the earlier one counts: curves of three families fitted to the last approach and
averaged by how well they fit, and a scan back from the end. A single knee fitted by least squares
lies on a slow approach; the scan alone is late wherever one validation is noisy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats


@dataclass(frozen=True)
class Onset:
    """Positions in the series, 0 to T - 1."""

    at: int
    low: int
    high: int
    settled: float
    """0 to 1, the weight of the fitted curves that are at their end level for a whole tail."""


def onset_of_end_level(mean: Floats, step_sd: float, rules: Rules) -> Onset:
    """The first validation from which `mean` (T,), T >= 5, stays at its end level.

    step_sd: SD of one validation about the curve, the checkpoint's shake included.
    """
    tail = tail_length(len(mean), rules)
    scan = _scan_back(mean, tail, step_sd, rules)
    start = _approach_start(mean, tail, step_sd, rules)
    candidates, parameters = _approaches(len(mean) - start)
    first, weights = _fit_all(mean[start:], candidates, parameters, step_sd**2, rules)
    low, at, high = _weighted_quantiles(
        first, weights, (rules.onset_interval[0], rules.onset_quantile, rules.onset_interval[1])
    )
    best = min(start + at, scan)
    settled = float(weights[start + first <= len(mean) - tail].sum() / weights.sum())
    return Onset(best, min(start + low, best), max(start + high, best), settled)


def tail_length(n_validations: int, rules: Rules) -> int:
    """Validations that a plateau lasts at least, and over which its drift is looked ahead."""
    return max(rules.min_tail, int(np.ceil(rules.tail_share * n_validations)))


def _smooth(mean: Floats) -> Floats:
    padded = np.concatenate([mean[:1], mean, mean[-1:]])
    return np.asarray((padded[:-2] + padded[1:-1] + padded[2:]) / 3)


def _scan_back(mean: Floats, tail: int, step_sd: float, rules: Rules) -> int:
    """The first validation after the last 3-point mean that is away from the end level."""
    threes = np.convolve(mean, np.ones(3) / 3, mode="valid")  # (T - 2,) ending at t + 2
    limit = rules.flat_cosine + step_sd / np.sqrt(3)
    away = np.flatnonzero(np.abs(threes - mean[-tail:].mean()) > limit)
    return int(away[-1]) + 2 if away.size else 0


def _approach_start(mean: Floats, tail: int, step_sd: float, rules: Rules) -> int:
    """The extremum of the last excursion from the end level; 0 when there is none."""
    away = _smooth(mean) - mean[-tail:].mean()
    outside = np.abs(away) > rules.flat_cosine + rules.excursion_sds * step_sd
    places = np.flatnonzero(outside[: len(mean) - tail])
    if places.size == 0:
        return 0
    last = int(places[-1])
    same = outside & (np.sign(away) == np.sign(away[last]))
    breaks = np.flatnonzero(~same[:last])
    first = int(breaks[-1]) + 1 if breaks.size else 0
    return first + int(np.argmax(np.abs(away[first : last + 1])))


def _approaches(length: int) -> tuple[Floats, Floats]:
    """((C, length) shapes falling from 1 towards 0, (C,) parameters each one spends)."""
    x = np.arange(length, dtype=np.float64)
    knees = np.arange(0.5, length, 0.5)[:, None]
    hinge = np.clip(1 - x / knees, 0.0, None)
    rates = np.geomspace(0.5, 1.5 * length, 24)[:, None]
    decay = np.exp(-x / rates)
    centres = np.linspace(0.05, 0.95, 15)[:, None, None] * (length - 1)
    widths = np.geomspace(0.4, max(0.25 * length, 0.8), 5)[None, :, None]
    step = (0.5 - 0.5 * np.tanh((x - centres) / (2 * widths))).reshape(-1, length)
    shapes = np.concatenate([np.zeros((1, length)), hinge, decay, step])
    spent = np.repeat([1.0, 3.0, 3.0, 4.0], [1, len(hinge), len(decay), len(step)])
    return shapes, spent


def _fit_all(
    y: Floats, shapes: Floats, parameters: Floats, variance: float, rules: Rules
) -> tuple[Floats, Floats]:
    """Least squares of y = level + height * shape for all shapes at once.

    Returns (C,) first position within `flat_cosine` of the fitted end, and (C,) weights. Chi square
    is halved because neighbouring validations share part of their shake.
    """
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    spread = np.maximum((centred**2).sum(axis=1), 1e-12)
    deviation = y - y.mean()
    cross = centred @ deviation
    height = np.where(spread > 1e-9, cross / spread, 0.0)
    rest = np.maximum(deviation @ deviation - height * cross, 0.0)
    score = -0.5 * (rest / variance / 2 + parameters * np.log(len(y)))
    weights = np.exp(score - score.max())
    near = np.abs(height[:, None] * (shapes - shapes[:, -1:])) <= rules.flat_cosine
    return near.argmax(axis=1).astype(np.float64), weights


def _weighted_quantiles(
    values: Floats, weights: Floats, probabilities: tuple[float, ...]
) -> tuple[int, ...]:
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    places = np.searchsorted(share, probabilities).clip(max=len(values) - 1)
    return tuple(int(v) for v in values[order][places])
