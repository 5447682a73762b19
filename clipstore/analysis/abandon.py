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
from clipstore.analysis.series import Bools, Floats
from clipstore.analysis.stuck import look_for_stuck
from clipstore.analysis.uncertainty import take_errors
from clipstore.types import Band


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
    for n_seen in _candidates(curve, band, rules):
        if standing is not None:
            if not _withdrawn(curve.mean[:n_seen], standing, band, rules):
                continue
            standing = None
        look = last if n_seen == len(curve.mean) else look_at(known_at(n_seen), band, rules)
        if look.step != curve.steps[n_seen - 1]:
            continue  # at that time the validation was an unconfirmed jump
        if look.reason is not None:
            standing = look
            first_flag = first_flag or look
    if standing is not None and _withdrawn(curve.mean, standing, band, rules):
        standing = last if last.reason is not None else None
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
        n_to_confirm=0,
        for_any_prompts=not curve.reachable,
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


def _candidates(curve: Curve, band: Band, rules: Rules) -> list[int]:
    """Looks worth the full rule: those that a few array operations cannot rule out."""
    mean = curve.mean
    seen = np.arange(1, len(mean) + 1)
    best = np.maximum.accumulate(mean)
    dropped: Bools = (mean <= best - rules.drop_cosine) & (mean < band.low_cosine)
    persisted = np.convolve(dropped, np.ones(rules.collapse_min_validations))[: len(mean)]
    worth = persisted >= rules.collapse_min_validations
    if curve.planned_steps is not None:
        twos = np.maximum.accumulate(np.append(-np.inf, (mean[1:] + mean[:-1]) / 2))
        worth |= (
            (curve.steps >= rules.patience_share * curve.planned_steps)
            & (seen >= rules.stuck_min_validations)
            & (twos <= band.low_cosine - rules.near_band_cosine)
        )
    return [int(n) for n in seen[worth & (seen >= rules.min_validations)]]


def _withdrawn(mean: Floats, flag: Look, band: Band, rules: Rules) -> bool:
    """True when the newest three validations have left the level that was flagged."""
    newest = float(mean[-3:].mean())
    if newest >= band.low_cosine:
        return True
    if flag.reason == "COLLAPSED":
        loss = flag.peak - flag.level
        return newest > flag.level + rules.regained_share * loss
    return newest > max(flag.limit, flag.level + rules.withdraw_cosine)
