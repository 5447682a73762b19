"""How many validations or prompts would decide an open case, estimated from the run's own noise.

Invariant: None means that this kind of data would not help, or not that it is not needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clipstore.analysis.cases import label_of
from clipstore.analysis.facts import Facts


@dataclass(frozen=True)
class DataNeeded:
    """Estimates: say "about"."""

    n_validations: int | None = None
    """More than now."""
    n_prompts: int | None = None
    """In all."""
    resolution: float | None = None
    """The bound on the change, in cosine, that so much data would reach; None for a rule that asks
    for a number of validations or prompts."""


def data_needed(facts: Facts) -> DataNeeded | None:  # noqa: C901 - one branch a case
    """None where the label is not "cannot tell yet", or where no amount of data would decide."""
    rules, look = facts.rules, facts.replay.last if facts.replay is not None else None
    if label_of(facts.case) != "cannot tell yet":
        return None
    match facts.case:
        case "NO_SCORES" | "PICTURES_LOST" | "NO_BAND" | "EDGE" | "NO_PLAN" | "WAS_NEAR":
            return None
        case "TOO_SLOW":  # more data would not make it faster
            return None
        case "TOO_FEW_PROMPTS":
            return DataNeeded(n_prompts=rules.few_prompts)
        case "TOO_SHORT":
            return DataNeeded(n_validations=rules.min_validations - facts.n_validations)
        case "DROPPED":
            if look is None or facts.band is None:
                return None
            return DataNeeded(n_validations=max(look.n_to_confirm - look.n_dropped, 1))
        case "YOUNG":
            if facts.plan_is_done:
                return None
            return DataNeeded(max(rules.stuck_min_validations - facts.n_validations, 1))
        case "UNSURE":
            return None if look is None else DataNeeded(n_prompts=look.prompts_needed)
        case "UNSETTLED":
            missing = look.n_flat_needed - look.n_flat if look is not None else 0
            return DataNeeded(n_validations=max(missing, 2))
        case _:
            return _for_the_trend(facts)


def _for_the_trend(facts: Facts) -> DataNeeded:
    """How many validations, or how many prompts, would bring the drift's bound to resolution."""
    fit, rules = facts.fit, facts.rules
    plateau = fit.plateau
    if plateau.drift is None or plateau.drift_high is None or not fit.drift_se > 0:
        return DataNeeded(n_validations=rules.min_validations)
    half = plateau.drift_high - plateau.drift
    wanted = max(
        rules.resolution_cosine - abs(plateau.drift),
        rules.resolution_cosine - rules.resolution_drift_cosine,
    )
    more = max(math.ceil(fit.n_tail * ((half / wanted) ** (2 / 3) - 1)), rules.min_tail // 2)
    room = (wanted / half) ** 2 - (1 - fit.drift_prompt_share)
    prompts = math.ceil(facts.n_prompts * fit.drift_prompt_share / room) if room > 0 else 0
    return DataNeeded(more, prompts if prompts > facts.n_prompts else None, rules.resolution_cosine)
