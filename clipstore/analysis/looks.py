"""What the abandon rule sees at one validation, and what it says of it: values, no rule.

Invariant: a `Curve` holds only what was known at its last validation, so a rule that is given one
cannot look ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from clipstore.analysis.clean import Series
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats, Ints
from clipstore.analysis.uncertainty import Errors
from clipstore.findings import AbandonReason

Blocker = Literal[
    "BAND_UNKNOWN",
    "TOO_FEW_PROMPTS",
    "TOO_FEW_VALIDATIONS",
    "BUDGET_UNKNOWN",
    "PATIENCE",
    "WAS_NEAR_BAND",
    "DROPPED",
    "LEVEL_IN_BAND",
    "SWINGS_REACH",
    "RISING",
    "DIPPING",
    "NOT_SETTLED",
    "LEVEL_UNSURE",
    "LINE_REACHES",
]
"""What kept the rule from flagging."""


@dataclass(frozen=True)
class Curve:
    """The usable validations of a run, and what is known beside them."""

    steps: Ints
    position: Floats
    mean: Floats
    errors: Errors
    """For all of them, before the shake was estimated for a look."""
    gap_steps: float
    planned_steps: int | None
    n_prompts: int
    reachable: bool
    """True when a run with the same prompts reached the band."""


@dataclass(frozen=True)
class Look:
    """The rule at one validation, with its numbers."""

    step: int
    reason: AbandonReason | None
    blocker: Blocker | None
    """None exactly when there is a reason."""
    level: float
    """Mean of the last `n_window` validations."""
    n_window: int
    n_under: int
    """Newest validations in a row under the edge that the reason speaks of."""
    limit: float
    """Upper limit of the level, corrected for all looks; NaN when the rule stopped before it."""
    line_end: float
    """Where the optimistic line stands at the planned end; NaN likewise."""
    peak_step: int | None
    """Middle of the best three validations in a row; None where there are too few."""
    peak: float
    """Their mean."""
    n_dropped: int
    """Newest validations in a row that lie clearly under the peak and mean out of the band."""
    last_good_step: int | None
    """The newest validation before that drop; None without one."""
    n_to_confirm: int
    """How many it takes for COLLAPSED; 0 without a drop."""
    for_any_prompts: bool
    """True when `limit` allows for other prompts of the same kind, False when it is for these."""
    n_flat: int
    """Validations at the end level, counted from the latest onset that fits; 0 when all else
    already kept the rule from flagging."""
    n_flat_needed: int
    """How many it takes for a stuck run; 0 likewise."""
    prompts_needed: int | None
    """For LEVEL_UNSURE: prompts with which the limit would fall under the band; None if never."""


def curve_of_series(
    series: Series, errors: Errors, planned_steps: int | None, reachable: bool
) -> Curve:
    """The curve that the rule looks at: usable validations only."""
    where = np.flatnonzero(series.usable)
    return Curve(
        steps=series.steps[where],
        position=series.position[where],
        mean=series.mean[where],
        errors=errors.at(where),
        gap_steps=series.gap_steps,
        planned_steps=planned_steps,
        n_prompts=len(series.columns),
        reachable=reachable,
    )


def curve_start(curve: Curve, n_seen: int) -> Curve:
    """The first `n_seen` validations of a curve."""
    end = slice(0, n_seen)
    return replace(
        curve,
        steps=curve.steps[end],
        position=curve.position[end],
        mean=curve.mean[end],
        errors=curve.errors.first(n_seen),
    )


def planned_looks(curve: Curve) -> int | None:
    """Validations the whole plan holds at this run's usual distance; None without a plan."""
    if curve.planned_steps is None:
        return None
    return max(len(curve.mean), round(curve.planned_steps / max(curve.gap_steps, 1.0)))


def z_after_looks(curve: Curve, errors: Errors, rules: Rules) -> float:
    """Student quantile after a union bound over looks and the three reasons.

    With a plan the looks share alpha evenly; without one look k gets 1 / (k (k + 1)) of it, which
    adds up to 1 however long the run goes on.
    """
    looks, seen = planned_looks(curve), len(curve.mean)
    share = 1 / looks if looks is not None else 1 / (seen * (seen + 1))
    return float(stdtrit(errors.df, 1 - rules.alpha * share / 3))
