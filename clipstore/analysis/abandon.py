"""Whether to stop a run, asked again at every validation with only what was known by then.

Invariant: a run whose level may lie in the band is never flagged, and neither is one that rises, is
young, or has no known plan to be late for (a collapse needs no plan). The bound on wrong flags
covers sampling error over all planned looks; against curves that turn late only patience helps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from clipstore.analysis.collapse import look_for_collapse
from clipstore.analysis.looks import Curve, Look, z_after_looks
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Bools
from clipstore.analysis.stuck import look_for_stuck
from clipstore.analysis.uncertainty import take_errors
from clipstore.modelidentity import Band


@dataclass(frozen=True)
class Replay:
    """The looks that matter."""

    last: Look
    """The rule at the newest validation."""
    first_flag: Look | None
    standing: Look | None
    """The flag in force now: the first one that later validations did not take back."""


def replay(
    curve: Curve, known_at: Callable[[int], Curve], band: Band | None, rules: Rules
) -> Replay:
    """Ask at every validation that could be flagged. Needs T >= 1.

    `known_at(n)` is the curve as it looked at the n-th of these validations: where cells are
    missing, later validations move earlier means a little, and a look must not know that.
    """
    last = look_at(known_at(len(curve.mean)), band, rules)
    if band is None:
        return Replay(last, None, None)
    first_flag = standing = None
    stuck, dropped = _candidates(curve, band, rules)
    for n_seen in range(rules.min_validations, len(curve.mean) + 1):
        if standing is not None and _withdrawn(curve, n_seen, standing, band, rules):
            standing = None
        # A run that stands flagged needs another look only where it may have collapsed since.
        if not (dropped[n_seen - 1] or (stuck[n_seen - 1] and standing is None)):
            continue
        if standing is not None and standing.reason == "COLLAPSED":
            continue
        look = last if n_seen == len(curve.mean) else look_at(known_at(n_seen), band, rules)
        if look.step != curve.steps[n_seen - 1]:
            continue  # at that time the validation was an unconfirmed jump
        if look.reason is not None and (standing is None or look.reason == "COLLAPSED"):
            standing = look
            first_flag = first_flag or look
    return Replay(last, first_flag, standing)


def look_at(curve: Curve, band: Band | None, rules: Rules) -> Look:
    """The rule at the last validation of `curve`."""
    mean, n_seen = curve.mean, len(curve.mean)
    n_window = max(min(rules.stuck_min_window, n_seen), n_seen // 2)
    look = Look(
        step=int(curve.steps[-1]),
        reason=None,
        blocker="BAND_UNKNOWN",
        level=float(mean[-n_window:].mean()),
        n_window=n_window,
        n_under=0,
        limit=float("nan"),
        line_end=float("nan"),
        peak_step=None,
        peak=float("nan"),
        n_dropped=0,
        last_good_step=None,
        n_to_confirm=0,
        for_any_prompts=not curve.reachable,
        n_flat=0,
        n_flat_needed=0,
        prompts_needed=None,
    )
    if curve.n_prompts < rules.min_prompts:
        return replace(look, blocker="TOO_FEW_PROMPTS")
    if n_seen < rules.min_validations:
        return replace(look, blocker="TOO_FEW_VALIDATIONS")
    errors = take_errors(curve.errors, mean, np.ones(n_seen, bool), rules)
    z = z_after_looks(curve, errors, rules)
    if band is None:  # a drop is worth telling, but without a band it is no reason to stop
        dropped = look_for_collapse(look, curve, errors, z, float("inf"), rules)
        return replace(dropped, reason=None, blocker="BAND_UNKNOWN")
    look = look_for_collapse(look, curve, errors, z, band.low_cosine, rules)
    if look.reason is not None:
        return look
    return look_for_stuck(look, curve, errors, z, band, rules)


def could_be_stuck(curve: Curve, band: Band, rules: Rules) -> bool:
    """True when some validation is worth asking whether the run is stuck."""
    return bool(_candidates(curve, band, rules)[0].any())


def _candidates(curve: Curve, band: Band, rules: Rules) -> tuple[Bools, Bools]:
    """(T,) validations worth a full look for a stuck run, and for a collapse: those that a few
    array operations cannot rule out."""
    mean = curve.mean
    seen = np.arange(1, len(mean) + 1)
    best = np.maximum.accumulate(mean)
    dropped: Bools = (mean <= best - rules.drop_cosine) & (mean < band.low_cosine)
    persisted = np.convolve(dropped, np.ones(rules.collapse_min_validations))[: len(mean)]
    stuck = np.zeros(len(mean), bool)
    if curve.planned_steps is not None:
        twos = np.maximum.accumulate(np.append(-np.inf, (mean[1:] + mean[:-1]) / 2))
        stuck = (
            (curve.steps >= rules.patience_share * curve.planned_steps)
            & (seen >= rules.stuck_min_validations)
            & (twos <= band.low_cosine - rules.near_band_cosine)
        )
    return stuck, persisted >= rules.collapse_min_validations


def _withdrawn(curve: Curve, n_seen: int, flag: Look, band: Band, rules: Rules) -> bool:
    """True when the newest three of `n_seen` validations have left the level that was flagged.

    Both are means over the same prompts, so how far other prompts might lie does not matter: the
    difference need only exceed its own paired error.
    """
    newest = float(curve.mean[max(n_seen - 3, 0) : n_seen].mean())
    if newest >= band.low_cosine:
        return True
    if flag.reason == "COLLAPSED":
        loss = flag.peak - flag.level
        return newest > flag.level + rules.regained_share * loss
    flagged_to = int(np.searchsorted(curve.steps, flag.step, side="right"))
    contrast = np.zeros(n_seen)
    contrast[max(n_seen - 3, 0) :] = 1 / min(n_seen, 3)
    contrast[max(flagged_to - flag.n_window, 0) : flagged_to] -= 1 / flag.n_window
    gain = float(contrast @ curve.mean[:n_seen])
    if gain <= rules.withdraw_cosine:
        return False
    errors = take_errors(curve.errors, curve.mean, np.arange(len(curve.mean)) < n_seen, rules)
    se = float(np.sqrt(errors.variance(contrast)))
    return gain > errors.quantile(rules.withdraw_probability) * se
