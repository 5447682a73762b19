"""What single cells of the verdict table say: evidence, what is left of the reasons, sort keys.

Invariant: sorting by level leaves the runs of the band tied, so that they keep the order of their
names: CLIP cannot rank them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from clipstore.findings import Advice, Verdict
from clipstore.modelidentity import Band
from clipstore.report.looks import code_to_words
from clipstore.report.numbertext import cosine_to_text, count_to_text

DATA_ADVICE = ("MORE_VALIDATIONS", "MORE_PROMPTS")
"""What `Verdict.what_it_would_take` says in a sentence."""


def advice_to_evidence(advice: Advice) -> str:
    """What gave rise to a piece of advice, with its numbers."""
    parts = [code_to_words(advice.because)]
    if advice.cosine is not None and advice.because == "BELOW_BASE":
        parts.append(f"the base model has {cosine_to_text(advice.cosine)}")
    elif advice.cosine is not None:
        at = f" at step {count_to_text(advice.step)}" if advice.step is not None else ""
        parts.append(f"clip/mean {cosine_to_text(advice.cosine)}{at}")
    if advice.cosine_now is not None:
        parts.append(f"now {cosine_to_text(advice.cosine_now)}")
    if advice.last_good_step is not None:
        parts.append(f"last good validation at step {count_to_text(advice.last_good_step)}")
    if advice.resolution_cosine is not None:
        parts.append(f"bounds a change of {cosine_to_text(advice.resolution_cosine)}")
    return ", ".join(parts)


class AdviceTold(NamedTuple):
    """The advice of a row: what stands in it, and what is folded."""

    first: Advice | None
    more: tuple[Advice, ...]


def advice_told(verdict: Verdict) -> AdviceTold:
    """The most urgent advice that the row does not say otherwise: its first reason, and what would
    decide an open case, have a line of their own."""
    said = {verdict.reasons[0]} if verdict.reasons else set()
    if verdict.what_it_would_take:
        said |= {each.text for each in verdict.advice if each.kind in DATA_ADVICE}
    first = next((each for each in verdict.advice if each.text not in said), None)
    return AdviceTold(first, tuple(each for each in verdict.advice if each is not first))


def reasons_left(verdict: Verdict) -> tuple[str, ...]:
    """The reasons after the first, without those that the advice says anyway."""
    said = {each.text for each in verdict.advice}
    return tuple(reason for reason in verdict.reasons[1:] if reason not in said)


def level_to_sort_number(value: float | None, band: Band | None = None) -> str:
    """The number that a row is sorted by: levels in the band are all its lower edge; empty when
    not known."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value if band is None else min(value, band.low_cosine):.6f}"
