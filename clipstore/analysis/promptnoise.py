"""How much one prompt's score shakes by the luck of its pictures, from the run itself.

Invariant: the noise is what is left of a prompt's scores after the run's own curve and a parabola
of the prompt's own are taken away: a change that comes early and stays is no noise. Pictures of
fixed seeds resemble their predecessors, so what is left is correlated, which makes means less
certain and the remainder too small; both are allowed for. A prompt's own estimate is pulled towards
that of all prompts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.series import Bools, Floats, Ints

CURVE_PARAMETERS = 3
MIN_FOR_AUTOCORRELATION = 8
ASSUMED_AUTOCORRELATION = 0.6
"""Where a run is too short to show it: that of pictures drawn with fixed seeds."""


@dataclass(frozen=True)
class PromptNoise:
    """For P prompts at T validations."""

    variance: Floats
    """(P,) of one validation; NaN where a prompt has fewer than four."""
    df: float
    """Degrees of freedom of each."""
    correlation: Floats
    """(T, T) of a prompt's noise at two validations."""


def prompt_noise(
    cosine: Floats, mean: Floats, position: Floats, rules: CompareRules
) -> PromptNoise:
    """cosine (T, P), NaN where missing; mean (T,) the run's curve; position (T,) of validations."""
    n_steps, n_prompts = cosine.shape
    left = own_curve_residuals(cosine - mean[:, None], position)  # (T, P)
    there = np.isfinite(left)
    n = there.sum(axis=0)
    rho = _autocorrelation(left, position, rules)
    lag = np.abs(position[:, None] - position[None, :])
    correlation = rho**lag
    degrees = max(n_steps - CURVE_PARAMETERS, 1)
    kept = degrees / max(_expected_rest(correlation, position), 1e-9)
    # Taking the curve away took 1 / P of the noise with it.
    whole = n_prompts / max(n_prompts - 1, 1)
    square = np.where(there, left, 0.0) ** 2
    own_df = np.maximum(n - CURVE_PARAMETERS, 0)
    total = square.sum(axis=0)
    usual = float(total.sum() / max(own_df.sum(), 1))
    shrunk = (1 - rho**2) / (1 + rho**2)  # correlated values count as fewer
    prior = rules.noise_prior_df
    pulled = (prior * usual + shrunk * total) / (prior + shrunk * own_df)
    return PromptNoise(
        variance=np.where(own_df > 0, pulled * kept * whole, np.nan),
        df=prior + shrunk * float(np.median(own_df)) if n_prompts else prior,
        correlation=correlation,
    )


def own_curve_residuals(values: Floats, position: Floats) -> Floats:
    """(T, P) what a parabola of its own leaves of each column; NaN where missing, or where a
    column has fewer than four values."""
    there = np.isfinite(values)
    design = curve_design(position)  # (T, 3)
    left = np.full(values.shape, np.nan)
    for pattern, columns in _by_holes(there):
        if pattern.sum() <= CURVE_PARAMETERS:
            continue
        some, block = design[pattern], values[np.ix_(pattern, columns)]
        left[np.ix_(pattern, columns)] = block - some @ (np.linalg.pinv(some) @ block)
    return left


def curve_design(position: Floats) -> Floats:
    """(T, 3) constant, line and parabola over 0 to 1."""
    x = (position - position.min()) / max(float(np.ptp(position)), 1e-12)
    return np.stack([np.ones(len(x)), x, x**2], axis=1)


def _by_holes(there: Bools) -> Iterator[tuple[Bools, Ints]]:
    """(which validations (T,), which columns) of the columns with the same holes."""
    patterns, place = np.unique(there, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        yield patterns[:, number], np.flatnonzero(place.ravel() == number)


def _autocorrelation(left: Floats, position: Floats, rules: CompareRules) -> float:
    """Of neighbouring validations, pooled over prompts: that for which the fitted curve would leave
    what it left, since fitting takes correlated noise away."""
    n_steps = len(left)
    if n_steps < MIN_FOR_AUTOCORRELATION:
        return ASSUMED_AUTOCORRELATION
    pairs = left[1:] * left[:-1]
    squares = left**2
    if not np.isfinite(pairs).any() or not np.nansum(squares) > 0:
        return ASSUMED_AUTOCORRELATION
    seen = float(np.nanmean(pairs) / np.nanmean(squares))
    candidates = np.arange(0.0, rules.max_noise_autocorrelation + 1e-9, 0.05)
    expected = [_expected_autocorrelation(rho, position) for rho in candidates]
    return float(np.interp(seen, expected, candidates))


def _expected_autocorrelation(rho: float, position: Floats) -> float:
    """What `_autocorrelation` sees, on average, where the noise has rho."""
    design = curve_design(position)
    rest = np.eye(len(position)) - design @ np.linalg.pinv(design)  # (T, T)
    covariance = rest @ (rho ** np.abs(position[:, None] - position[None, :])) @ rest
    n_steps = len(position)
    return float(np.trace(covariance, 1) / (n_steps - 1) / (np.trace(covariance) / n_steps))


def _expected_rest(correlation: Floats, position: Floats) -> float:
    """Expected sum of squares that a fitted curve leaves of noise with this correlation and
    variance 1: T - 3 where there is none."""
    design = curve_design(position)
    hat = design @ np.linalg.pinv(design)  # (T, T)
    return float(len(position) - np.trace(hat @ correlation))
