"""Whether the end of a curve is flat, since when, and at what level.

Invariant: flat is shown, not assumed. "No trend found" is what too few prompts always say; here the
expected change over the next quarter of the run must lie within a stated bound (two one-sided
tests), and the bound that was reached is part of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtri

from clipstore.analysis.arrays import median
from clipstore.analysis.clean import Series
from clipstore.analysis.onset import onset_of_end_level, tail_length
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats
from clipstore.analysis.uncertainty import Errors, take_errors
from clipstore.findings import Location, Plateau, PlateauStatus
from clipstore.modelidentity import Band

FLAT: tuple[PlateauStatus, ...] = ("plateau", "flat_within_resolution")


@dataclass(frozen=True)
class PlateauFit:
    """The finding and what it rests on, for sentences and for the abandon rule."""

    plateau: Plateau
    n_tail: int
    """Validations the drift was fitted to."""
    drift_se: float
    """SE of the drift over the horizon; NaN without one."""
    drift_prompt_share: float
    """Share of its variance that more prompts would average out."""
    swing: float
    """SD about the tail's line beyond the prompts' noise."""


def plateau_from_series(
    series: Series, errors: Errors, band: Band | None, rules: Rules
) -> PlateauFit:
    """The plateau of the usable validations.

    Fewer than `min_validations` give "too_short", with a level where there is any validation.
    """
    where = series.usable
    mean, position = series.mean[where], series.position[where]
    steps = series.steps[where]
    local = take_errors(errors, series.mean, where, rules)
    n_steps = len(mean)
    if n_steps < rules.min_validations:
        return _too_short(mean, local, band, rules)

    tail = tail_length(n_steps, rules)
    noise = median(local.noise())
    step_sd = float(np.sqrt(noise + local.jitter_variance))
    onset = onset_of_end_level(mean, step_sd, rules)
    start = min(onset.at, n_steps - tail)
    weights = np.zeros(n_steps)
    weights[start:], line_rest = slope_weights(position[start:], mean[start:])
    rest_variance = float(line_rest @ line_rest) / max(len(line_rest) - 2, 1)
    swing = float(np.sqrt(max(rest_variance - noise, 0.0)))
    drift = float(weights @ mean) * tail
    prompt_part, shake_part = _drift_variances(weights * tail, local, swing, n_steps - start, rules)
    se = float(np.sqrt(prompt_part + shake_part))
    reach = local.quantile(0.95) * se
    low, high = drift - reach, drift + reach
    settled = n_steps - onset.at >= tail and onset.settled >= rules.min_settled
    df = max(len(line_rest) - 2, 1)
    surely = rest_variance > noise * float(chdtri(df, 0.05)) / df  # beyond the prompts' noise
    status = _status(low, high, drift, swing, settled=settled, surely_swings=surely, rules=rules)
    flat = status in FLAT
    level_from = start if flat else n_steps - tail
    level, se_panel, se_any = level_of_last(mean, local, n_steps - level_from)
    t95 = local.quantile(0.975)
    plateau = Plateau(
        status=status,
        onset_step=int(steps[onset.at]) if flat else None,
        onset_low_step=int(steps[onset.low]) if flat else None,
        onset_high_step=int(steps[onset.high]) if flat else None,
        level=level,
        level_low=level - t95 * se_panel,
        level_high=level + t95 * se_panel,
        level_any_low=level - t95 * se_any,
        level_any_high=level + t95 * se_any,
        location=location_of_level(level, se_panel, band, rules),
        drift=drift,
        drift_low=low,
        drift_high=high,
        horizon_steps=round(tail * series.gap_steps),
        bound=max(abs(low), abs(high)),
    )
    return PlateauFit(plateau, n_steps - start, se, prompt_part / se**2, swing)


def location_of_level(level: float, se: float, band: Band | None, rules: Rules) -> Location:
    """Where a level with standard error `se` lies; BORDERLINE only at the band's lower edge.

    The other edges ask for no other action, so a level near them keeps the more careful name:
    POOR and ABOVE_BAND are said only when sure.
    """
    if band is None:
        return "UNKNOWN"
    margin = max(rules.location_margin_cosine, 2 * se)
    if level + margin < band.poor_below_cosine:
        return "POOR"
    if level + margin < band.low_cosine:
        return "BELOW_BAND"
    if level - margin < band.low_cosine:
        return "BORDERLINE"
    return "ABOVE_BAND" if level - margin > band.high_cosine else "IN_BAND"


def slope_weights(position: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """(weights w with slope = w @ mean per unit of position, what the fitted line leaves)."""
    centred = position - position.mean()
    weights = centred / max(float(centred @ centred), 1e-12)
    return weights, mean - mean.mean() - (weights @ mean) * centred


def level_of_last(mean: Floats, errors: Errors, n_last: int) -> tuple[float, float, float]:
    """(mean of the last `n_last` validations, its SE for these prompts, its SE for any prompts)."""
    weights = np.zeros(len(mean))
    weights[-n_last:] = 1 / n_last
    return (
        float(weights @ mean),
        float(np.sqrt(errors.variance(weights))),
        float(np.sqrt(errors.variance(weights, any_prompts=True))),
    )


def _drift_variances(
    weights: Floats, errors: Errors, swing: float, n_tail: int, rules: Rules
) -> tuple[float, float]:
    """(prompt part, shake part); the shake is estimated again about the tail's own line."""
    prior_df = rules.jitter_prior_weight
    tail_df = max(n_tail - 2, 0)
    shake = (prior_df * errors.jitter_variance + tail_df * swing**2) / (prior_df + tail_df)
    prompts = max(float(weights @ errors.prompt_covariance @ weights), 1e-12)
    return prompts, shake * float(weights @ errors.autocorrelation @ weights)


def _status(
    low: float,
    high: float,
    drift: float,
    swing: float,
    *,
    settled: bool,
    surely_swings: bool,
    rules: Rules,
) -> PlateauStatus:
    bound = max(abs(low), abs(high))
    if settled and swing <= rules.max_swing_cosine:
        if bound <= rules.flat_cosine:
            return "plateau"
        if bound <= rules.resolution_cosine and abs(drift) <= rules.resolution_drift_cosine:
            return "flat_within_resolution"
    if low > 0:
        return "rising"
    if high < 0:
        return "falling"
    swings = swing > rules.max_swing_cosine and surely_swings
    return "unstable" if swings else "inconclusive"


def _too_short(mean: Floats, errors: Errors, band: Band | None, rules: Rules) -> PlateauFit:
    nothing = Plateau(
        status="too_short",
        onset_step=None,
        onset_low_step=None,
        onset_high_step=None,
        level=None,
        level_low=None,
        level_high=None,
        level_any_low=None,
        level_any_high=None,
        location="UNKNOWN",
        drift=None,
        drift_low=None,
        drift_high=None,
        horizon_steps=None,
        bound=None,
    )
    if len(mean) == 0:
        return PlateauFit(nothing, 0, float("nan"), float("nan"), 0.0)
    level, se_panel, se_any = level_of_last(mean, errors, len(mean))
    t95 = errors.quantile(0.975)
    known = replace(
        nothing,
        level=level,
        level_low=level - t95 * se_panel,
        level_high=level + t95 * se_panel,
        level_any_low=level - t95 * se_any,
        level_any_high=level + t95 * se_any,
        location=location_of_level(level, se_panel, band, rules),
    )
    return PlateauFit(known, len(mean), float("nan"), float("nan"), 0.0)
