"""The codes that stand beside a verdict: what to watch, and what weakens it.

Invariant: a code is a fact about the run and never changes its label; sentences that explain the
codes are in `clipstore.analysis.wording`.
"""

from __future__ import annotations

from clipstore.analysis.abandon import Replay
from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.cases import Case
from clipstore.analysis.outlook import misses_the_band
from clipstore.analysis.plateau import FLAT
from clipstore.findings import BaseComparison


def notes_of(
    each: AnalysedRun,
    planned_steps: int | None,
    case: Case,
    history: Replay | None,
    base: BaseComparison | None,
) -> tuple[str, ...]:
    """The codes that apply, those of the verdict before those of the data."""
    status, location = each.fit.plateau.status, each.fit.plateau.location
    n_prompts, planned = len(each.series.columns), planned_steps
    n_usable = int(each.series.usable.sum())
    in_band = location in ("IN_BAND", "ABOVE_BAND")
    withdrawn = history is not None and history.first_flag is not None and not history.standing
    conditions = {
        "BAND_UNKNOWN": each.band is None,
        "BUDGET_UNKNOWN": planned is None,
        "TOO_FEW_PROMPTS": n_prompts < each.rules.few_prompts,
        "TOO_FEW_VALIDATIONS": n_usable < each.rules.stuck_min_validations,
        "FLAT_AT_BASE": (
            status in FLAT
            and base is not None
            and max(abs(base.low), abs(base.high)) <= each.rules.at_base_cosine
        ),
        "IN_BAND_DECLINE": in_band and status == "falling",
        "TOO_SLOW": case in ("RISING", "TOO_SLOW") and misses_the_band(each, planned_steps),
        "UNSTABLE": status == "unstable",
        "DROPPED_UNCONFIRMED": case == "DROPPED",
        "FLAG_WITHDRAWN": withdrawn,
    }
    told = (code for code, applies in conditions.items() if applies)
    return (*told, *each.scores.codes, *each.series.codes)
