"""Which of the things that can be said of a run applies: one table from findings to a case.

Invariant: every combination of trend, location and abandon answer has exactly one case, and a case
fixes the label, so that no sentence can contradict the label it stands under. The first line that
applies decides:

    flagged by the rule                          abandon
    no scores, repeated pictures, < 5 prompts,
      < 5 validations                            cannot tell yet
    fell out of the band just now                cannot tell yet   (dips recover)
    level in or above the band, any trend        in band: judge by eye
    rising, but late and too slowly for the plan cannot tell yet   (a longer plan, or none)
    rising, also without a band                  keep going
    no band known for the model                  cannot tell yet   (a trend of unknown worth)
    level at the band's lower edge               cannot tell yet   (and never abandoned)
    flat below, and the plan is young, or the
      newest validations or the line point up    keep going
    flat below otherwise                         cannot tell yet, with what is missing
    falling, swinging or unclear below           cannot tell yet
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from clipstore.analysis.looks import Blocker, Look
from clipstore.analysis.plateau import FLAT, PlateauFit
from clipstore.analysis.rules import Rules
from clipstore.findings import Answer, Label

Case = Literal[
    "FLAGGED",
    "NO_SCORES",
    "PICTURES_LOST",
    "TOO_FEW_PROMPTS",
    "TOO_SHORT",
    "DROPPED",
    "IN_BAND",
    "RISING",
    "TOO_SLOW",
    "NO_BAND",
    "EDGE",
    "PATIENCE",
    "TURNING_UP",
    "LINE_REACHES",
    "YOUNG",
    "NO_PLAN",
    "WAS_NEAR",
    "UNSURE",
    "UNSETTLED",
    "FALLING",
    "SWINGING",
    "UNCLEAR",
]

_LABELS: Mapping[Case, Label] = MappingProxyType(
    {
        "FLAGGED": "abandon",
        "IN_BAND": "in band: judge by eye",
        "RISING": "keep going",
        "PATIENCE": "keep going",
        "TURNING_UP": "keep going",
        "LINE_REACHES": "keep going",
    }
)

_NOT_TO_STOP: frozenset[Case] = frozenset(
    {"IN_BAND", "EDGE", "RISING", "TURNING_UP", "LINE_REACHES"}
)

_FLAT_BELOW: Mapping[Blocker, Case] = MappingProxyType(
    {
        "BAND_UNKNOWN": "NO_BAND",
        "TOO_FEW_PROMPTS": "TOO_FEW_PROMPTS",
        "TOO_FEW_VALIDATIONS": "YOUNG",
        "BUDGET_UNKNOWN": "NO_PLAN",
        "PATIENCE": "PATIENCE",
        "WAS_NEAR_BAND": "WAS_NEAR",
        "LEVEL_IN_BAND": "WAS_NEAR",
        "SWINGS_REACH": "SWINGING",
        "RISING": "TURNING_UP",
        "DROPPED": "DROPPED",
        "DIPPING": "UNSETTLED",
        "NOT_SETTLED": "UNSETTLED",
        "LEVEL_UNSURE": "UNSURE",
        "LINE_REACHES": "LINE_REACHES",
    }
)


def label_of(case: Case) -> Label:
    """The word of the verdict table."""
    return _LABELS.get(case, "cannot tell yet")


def answer_of(case: Case) -> Answer:
    """Whether to stop the run: "no" only where the scores speak against stopping."""
    if case == "FLAGGED":
        return "yes"
    return "no" if case in _NOT_TO_STOP else "cannot tell yet"


def case_of(
    fit: PlateauFit,
    look: Look | None,
    *,
    flagged: bool,
    n_prompts: int,
    pictures_lost: bool,
    too_slow: bool,
    rules: Rules,
) -> Case:
    """The case of a run. `look`: the rule at the newest validation, None without validations.

    `pictures_lost`: the newest validations were left out because their scores repeat. `too_slow`:
    most of the plan is done and not even the upper end of the trend reaches the band by its end.
    """
    if flagged:
        return "FLAGGED"
    if look is None:
        return "PICTURES_LOST" if pictures_lost else "NO_SCORES"
    return (
        _case_of_weak_data(fit, n_prompts, pictures_lost, rules)
        or _case_of_level(fit, look, too_slow=too_slow)
        or _case_below(fit, look)
    )


def _case_of_weak_data(
    fit: PlateauFit, n_prompts: int, pictures_lost: bool, rules: Rules
) -> Case | None:
    if pictures_lost:
        return "PICTURES_LOST"
    if n_prompts < rules.min_prompts:
        return "TOO_FEW_PROMPTS"
    return "TOO_SHORT" if fit.plateau.status == "too_short" else None


def _case_of_level(fit: PlateauFit, look: Look, *, too_slow: bool) -> Case | None:
    location = fit.plateau.location
    no_band = look.blocker == "BAND_UNKNOWN"  # then a drop is never confirmed
    if look.n_dropped and (no_band or look.n_dropped < look.n_to_confirm):
        return "DROPPED"
    if location in ("IN_BAND", "ABOVE_BAND"):
        return "IN_BAND"
    if fit.plateau.status == "rising":
        return "TOO_SLOW" if too_slow else "RISING"
    if location == "UNKNOWN":
        return "NO_BAND"
    return "EDGE" if location == "BORDERLINE" else None


def _case_below(fit: PlateauFit, look: Look) -> Case:
    status = fit.plateau.status
    if status in FLAT:
        return _FLAT_BELOW[look.blocker] if look.blocker is not None else "UNSURE"
    if status == "falling":
        return "FALLING"
    return "SWINGING" if status == "unstable" else "UNCLEAR"
