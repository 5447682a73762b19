"""STUCK_POOR and STUCK_BELOW_BAND: most of the plan is done and the band is out of reach.

Invariant: the rule speaks late on purpose, and only of a curve that has stopped moving. A run that
is stuck and a run that will bloom later have the same scores until the bloom; only the share of the
plan that has passed, the share of it that the curve has been flat, and how long it had learned
before, tell them apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clipstore.analysis.arrays import median
from clipstore.analysis.looks import Blocker, Curve, Look, planned_looks
from clipstore.analysis.onset import onset_of_end_level
from clipstore.analysis.plateau import level_of_last, slope_weights
from clipstore.analysis.rules import Rules
from clipstore.analysis.uncertainty import Errors
from clipstore.modelidentity import Band


def look_for_stuck(
    look: Look, curve: Curve, errors: Errors, z: float, band: Band, rules: Rules
) -> Look:
    """`look` with a reason, or with the first thing that kept the rule from one.

    `z`: quantile for the upper limit, corrected for all looks.
    """
    early = _ruled_out_early(look, curve, band, rules)
    if early is not None:
        return replace(look, blocker=early)
    newest = curve.mean[-look.n_window :]
    level = max(look.level, median(newest))
    _, se_panel, se_any = level_of_last(curve.mean, errors, look.n_window)
    limit = level + z * (se_any if look.for_any_prompts else se_panel)
    look = replace(look, limit=limit, line_end=_optimistic_end(look, curve, errors, level, rules))
    noise = median(errors.noise())
    swing = np.sqrt(max(float(newest.var(ddof=1)) - noise, 0.0))
    poor = limit < band.poor_below_cosine  # far enough down that no line need be drawn
    jump = _newest_jump(curve, errors, look.n_window, rules)
    tests: tuple[tuple[Blocker, bool], ...] = (
        ("SWINGS_REACH", level + 2 * swing >= band.low_cosine),
        ("RISING", jump > 0 or _is_rising(curve, errors, look.n_window, rules)),
        ("DIPPING", jump < 0),
        ("LEVEL_UNSURE", limit >= band.low_cosine),
        ("LINE_REACHES", not poor and look.line_end >= band.low_cosine - rules.unreachable_cosine),
    )
    blocker = next((name for name, applies in tests if applies), None)
    if blocker == "LEVEL_UNSURE":
        prompts = _prompts_needed(curve, errors, look.n_window, level, z, band.low_cosine)
        return replace(look, blocker=blocker, prompts_needed=prompts)
    if blocker is not None:
        return replace(look, blocker=blocker)
    look = _with_rest(look, curve, errors, rules)
    if look.n_flat < look.n_flat_needed:
        return replace(look, blocker="NOT_SETTLED")
    over = curve.mean[::-1] >= (band.poor_below_cosine if poor else band.low_cosine)
    return replace(
        look,
        blocker=None,
        reason="STUCK_POOR" if poor else "STUCK_BELOW_BAND",
        n_under=int(np.argmax(over)) if over.any() else len(over),
    )


def _ruled_out_early(look: Look, curve: Curve, band: Band, rules: Rules) -> Blocker | None:
    mean, planned = curve.mean, curve.planned_steps
    best_two = float(((mean[1:] + mean[:-1]) / 2).max())
    newest = mean[-look.n_window :]
    tests: tuple[tuple[Blocker, bool], ...] = (
        ("LEVEL_IN_BAND", max(look.level, median(newest)) >= band.low_cosine),
        ("WAS_NEAR_BAND", best_two > band.low_cosine - rules.near_band_cosine),
        ("DROPPED", 0 < look.n_dropped < look.n_to_confirm),
        ("BUDGET_UNKNOWN", planned is None),
        ("PATIENCE", planned is not None and look.step < rules.patience_share * planned),
        ("TOO_FEW_VALIDATIONS", len(mean) < rules.stuck_min_validations),
    )
    return next((blocker for blocker, applies in tests if applies), None)


def _optimistic_end(look: Look, curve: Curve, errors: Errors, level: float, rules: Rules) -> float:
    """Where the level stands at the planned end if the steepest slope that fits goes on."""
    remaining = max((curve.planned_steps or 0) - look.step, 0) / max(curve.gap_steps, 1.0)
    n_line = max(rules.min_tail, int(np.ceil(rules.line_share * len(curve.mean))))
    slopes = (_slope_of_last(curve, errors, n) for n in (look.n_window, n_line))
    steepest = max(slope + errors.quantile(0.95) * se for slope, se in slopes)
    return level + max(steepest, 0.0) * remaining


def _slope_of_last(curve: Curve, errors: Errors, n_last: int) -> tuple[float, float]:
    """(slope per usual distance, its SE) over the last `n_last` validations."""
    weights = np.zeros(len(curve.mean))
    weights[-n_last:], _ = slope_weights(curve.position[-n_last:], curve.mean[-n_last:])
    return float(weights @ curve.mean), float(np.sqrt(errors.variance(weights)))


def _is_rising(curve: Curve, errors: Errors, n_last: int, rules: Rules) -> bool:
    slope, se = _slope_of_last(curve, errors, n_last)
    gained = slope * float(curve.position[-1] - curve.position[-n_last])
    return slope > rules.rising_sds * se and gained > rules.rising_cosine


def _newest_jump(curve: Curve, errors: Errors, n_last: int, rules: Rules) -> int:
    """1 or -1 when the last two validations lie above or below the rest of the window, else 0."""
    last_two = np.zeros(len(curve.mean))
    last_two[-n_last:-2] = -1 / (n_last - 2)
    last_two[-2:] = 0.5
    jump = float(last_two @ curve.mean)
    bar = max(rules.last_two_cosine, rules.rising_sds * float(np.sqrt(errors.variance(last_two))))
    return int(np.sign(jump)) if abs(jump) > bar else 0


def _with_rest(look: Look, curve: Curve, errors: Errors, rules: Rules) -> Look:
    """`look` with the validations, as if none were missing, since the latest onset of the end level
    that fits, and how many of them it takes."""
    step_sd = float(np.sqrt(median(errors.noise()) + errors.jitter_variance))
    onset = onset_of_end_level(curve.mean, step_sd, rules)
    at = min(onset.high, len(curve.mean) - 1)
    needed = rules.stuck_flat_share * (planned_looks(curve) or len(curve.mean))
    has_learned = look.level - float(curve.mean[:2].mean()) > rules.flat_cosine
    if has_learned:
        needed = max(needed, rules.stuck_rest_factor * float(curve.position[onset.at]))
    return replace(
        look,
        n_flat=int(curve.position[-1] - curve.position[at]) + 1,
        n_flat_needed=int(np.ceil(needed)),
    )


def _prompts_needed(
    curve: Curve, errors: Errors, n_window: int, level: float, z: float, low: float
) -> int | None:
    """Prompts with which the upper limit falls under the band; None if no number would do."""
    weights = np.zeros(len(errors.prompt_covariance))
    weights[-n_window:] = 1 / n_window
    prompts = float(weights @ errors.prompt_covariance @ weights)
    shake = errors.jitter_variance * float(weights @ errors.autocorrelation @ weights)
    room = ((low - level) / z) ** 2 - shake
    return int(np.ceil(curve.n_prompts * prompts / room)) if room > 0 else None
