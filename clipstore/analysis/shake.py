"""How much the checkpoints of compared runs shake: from the ends of all of them together.

Invariant: what the runs show outweighs what is assumed as soon as it rests on more degrees of
freedom, and never before. The estimate is unbiased where neighbours share as much of their shake
as `jitter_autocorrelation` says: what a line fitted to a run's end leaves is held against what it
would leave of such a shake (restricted maximum likelihood, one step).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np

from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.onset import tail_length
from clipstore.analysis.plateau import FLAT
from clipstore.analysis.rules import Rules


@dataclass(frozen=True)
class Shake:
    """Of single checkpoints of one run."""

    variance: float
    df: float


class SharedShakes(NamedTuple):
    """What several runs of one model show."""

    runs: tuple[Shake, ...]
    """One a run, in their order."""
    variance: float
    """Of all of them together."""
    n_runs: int
    """With an end long enough to show any."""
    is_shown: bool
    """False while the assumption, or the store's shake, weighs more than what these runs show."""


class _End(NamedTuple):
    """What the end of one run says."""

    variance: float
    """Of the shake; may be negative, because the prompts' noise is subtracted."""
    df: float
    """If there were no such noise."""
    noise: float
    """Variance of one validation by its prompts' noise."""


def shakes_of_runs(runs: Sequence[AnalysedRun]) -> SharedShakes:
    """Each run's shake, pulled towards that of all runs, which is pulled towards the rules'. The
    runs are of one model and have its rules."""
    rules = runs[0].rules if runs else Rules()
    usual, weight = rules.jitter_prior_sd**2, rules.jitter_prior_weight
    largest = rules.jitter_max_sd**2
    ends = [_end_of_run(run) for run in runs]
    shared, shown = usual, 0.0
    for _ in repeat(None, 2):  # how much an end says depends on how large the shake is
        weights = [_weight(end, shared) for end in ends]
        shown = sum(weights)
        estimates = (min(end.variance, largest) if end else 0.0 for end in ends)
        total = sum(w * each for w, each in zip(weights, estimates, strict=True))
        shared = (weight * usual + total) / (weight + shown)
        shared = float(np.clip(shared, rules.jitter_min_sd**2, largest))
    own = tuple(_own_shake(end, shared, weight, largest) for end in ends)
    n_runs = sum(end is not None for end in ends)
    return SharedShakes(own, shared, n_runs, is_shown=shown > weight)


def _own_shake(end: _End | None, shared: float, weight: float, largest: float) -> Shake:
    own = _weight(end, shared)
    if end is None or own <= 0:
        return Shake(shared, weight)
    pulled = (weight * shared + own * max(end.variance, 0.0)) / (weight + own)
    return Shake(min(pulled, largest), weight + own)


def _weight(end: _End | None, shake_variance: float) -> float:
    """Degrees of freedom for the shake: noise makes an end say less of it."""
    if end is None:
        return 0.0
    return end.df * (shake_variance / (shake_variance + end.noise)) ** 2


def _end_of_run(run: AnalysedRun) -> _End | None:
    """None with fewer than `min_tail` validations at the end."""
    usable, rules = run.series.usable, run.rules
    mean, position = run.series.mean[usable], run.series.position[usable]
    n_usable = len(mean)
    if n_usable < max(rules.min_validations, rules.min_tail):
        return None
    is_flat = run.fit.plateau.status in FLAT
    n_end = run.fit.n_tail if is_flat else tail_length(n_usable, rules)
    end = slice(n_usable - n_end, n_usable)
    errors = run.errors.at(np.flatnonzero(usable))
    design = np.stack([np.ones(n_end), position[end]], axis=1)  # (w, 2)
    rest = np.eye(n_end) - design @ np.linalg.pinv(design)  # (w, w)
    left = rest @ mean[end]
    noise = errors.prompt_covariance[end, end] - errors.between_prompts
    by_noise = float(np.trace(rest @ noise))
    by_shake = rest @ errors.autocorrelation[end, end]
    unit = float(np.trace(by_shake))
    return _End(
        variance=(float(left @ left) - by_noise) / unit,
        df=unit**2 / float(np.trace(by_shake @ by_shake)),
        noise=max(by_noise, 0.0) / max(n_end - 2, 1),
    )
