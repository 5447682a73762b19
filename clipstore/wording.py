"""Cases become sentences with their numbers.

Invariant: every sentence can be checked against the finding it comes from, cosines have three
decimals as trainers print them divided by 100, and the first sentence alone is enough for a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clipstore.abandon import Replay
from clipstore.cases import Case
from clipstore.findings import Abandon, BaseComparison
from clipstore.looks import Look
from clipstore.plateau import FLAT, PlateauFit
from clipstore.rules import Rules
from clipstore.types import Band


@dataclass(frozen=True)
class Facts:
    """All that a sentence may speak of."""

    case: Case
    fit: PlateauFit
    replay: Replay | None
    abandon: Abandon
    base: BaseComparison | None
    n_prompts: int
    """Prompts of the panel."""
    n_validations: int
    """Validations that count."""
    lost_at_end: int
    last_step: int | None
    planned_steps: int | None
    band: Band | None
    notes: tuple[str, ...]
    rules: Rules

    @property
    def look(self) -> Look:
        """The look that decides what is said: the flag in force, or the newest one."""
        if self.replay is None:
            raise ValueError("a run without validations has no look")
        return self.replay.standing or self.replay.last


def reasons_of(facts: Facts) -> tuple[str, ...]:
    """The sentences of a verdict, the deciding one first."""
    return (_first_sentence(facts), *_trend(facts), *_flag_history(facts), *_remarks(facts))


def cosine_text(value: float) -> str:
    """.241, −.012: three decimals without the zero that every cosine has."""
    text = f"{abs(value):.3f}"
    return ("−" if value < 0 and float(text) != 0 else "") + text.removeprefix("0")


def change_text(value: float) -> str:
    """+.003, −.012, .000."""
    text = cosine_text(value)
    return text if text.startswith("−") or text == ".000" else f"+{text}"


def level_text(facts: Facts) -> str:
    """clip/mean .241 ± .004 over 48 prompts"""
    plateau = facts.fit.plateau
    level, low = plateau.level, plateau.level_low
    if level is None or low is None:
        return f"clip/mean over {count_text(facts.n_prompts, 'prompt')}"
    half = cosine_text(level - low)
    prompts = count_text(facts.n_prompts, "prompt")
    return f"clip/mean {cosine_text(level)} ± {half} over {prompts}"


def count_text(number: int, noun: str) -> str:
    """1 prompt, 1,600 prompts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _first_sentence(facts: Facts) -> str:  # noqa: C901, PLR0911, PLR0912 - one branch a case
    rules, level = facts.rules, level_text(facts)
    match facts.case:
        case "FLAGGED":
            return _flag_sentence(facts)
        case "NO_SCORES":
            return "No validation of this run has a score that can be used."
        case "PICTURES_LOST":
            return (
                f"The newest {count_text(facts.lost_at_end, 'validation')} cannot be used: the "
                "same score to the last digit over and over means black or copied pictures, or "
                "most prompts are missing."
            )
        case "TOO_FEW_PROMPTS":
            return (
                f"{level[0].upper()}{level[1:]} is an anecdote: fewer than "
                f"{rules.min_prompts} prompts say nothing about a run."
            )
        case "TOO_SHORT":
            return (
                f"{level} after {count_text(facts.n_validations, 'validation')}: a trend shows "
                f"from {rules.min_validations} on."
            )
        case "DROPPED":
            return _drop_sentence(facts)
        case "IN_BAND":
            return _in_band_sentence(facts)
        case "RISING":
            return f"{level} is still rising: {_horizon(facts)}."
        case "NO_BAND":
            return (
                f"{level} is {_shape(facts)}; for this CLIP model no band is known, so clipstore "
                "cannot say whether that level is good."
            )
        case "EDGE":
            return (
                f"{level} is {_shape(facts)} at the edge of the band, {_low(facts)}: it is neither "
                "clearly in it nor clearly below."
            )
        case "PATIENCE":
            return (
                f"{level} is {_shape(facts)} below {_low(facts)}, but only {_share_done(facts)} "
                "is done: a run that rises late looks the same until it does."
            )
        case "TURNING_UP":
            return (
                f"{level} is below {_low(facts)}, but the newest of the last "
                f"{count_text(facts.look.n_window, 'validation')} point up."
            )
        case "LINE_REACHES":
            return (
                f"{level} is below {_low(facts)}, but the steepest trend that fits would stand at "
                f"{cosine_text(facts.look.line_end)} by the planned step {facts.planned_steps:,}."
            )
        case "YOUNG":
            return (
                f"{level} is {_shape(facts)} below {_low(facts)} after {_share_done(facts)}, seen "
                f"at only {count_text(facts.n_validations, 'validation')}."
            )
        case "NO_PLAN":
            return (
                f"{level} is {_shape(facts)} below {_low(facts)}; how many steps are planned is "
                "unknown, so nobody can say whether it is late."
            )
        case "WAS_NEAR":
            return (
                f"{level} is {_shape(facts)} below {_low(facts)}, but the run has been in the band "
                "or near it: that is no run that never learned, and the loss is too small or too "
                "uncertain to call it a collapse."
            )
        case "UNSURE":
            return _unsure_sentence(facts)
        case "FALLING":
            return f"{level} lies below {_low(facts)} and is falling: {_horizon(facts)}."
        case "SWINGING":
            return (
                f"{level} lies below {_low(facts)} and swings by ± {cosine_text(facts.fit.swing)} "
                "from one validation to the next, beyond what the prompts' noise explains."
            )
        case "UNCLEAR":
            return (
                f"{level} lies below {_low(facts)} and its trend is not clear: {_horizon(facts)}."
            )


def _flag_sentence(facts: Facts) -> str:
    look = facts.look
    prompts = count_text(facts.n_prompts, "prompt")
    if look.reason == "COLLAPSED":
        return (
            f"clip/mean over {prompts} fell from {cosine_text(look.peak)} (step "
            f"{look.peak_step:,}) to {cosine_text(look.level)} and has stayed at least "
            f"{cosine_text(facts.rules.drop_cosine)} down for "
            f"{count_text(look.n_dropped, 'validation')} up to step {look.step:,}."
        )
    poor = look.reason == "STUCK_POOR" and facts.band is not None
    edge = facts.band.poor_below_cosine if poor and facts.band else None
    under = _low(facts) if edge is None else _band_text(edge)
    half = look.limit - look.level
    stem = (
        f"clip/mean {cosine_text(look.level)} over {prompts} has stayed under {under} for the "
        f"last {count_text(look.n_window, 'validation')} up to step {look.step:,}, with its upper "
        f"limit (+{cosine_text(half)}, all looks allowed for) at {cosine_text(look.limit)}"
    )
    if facts.planned_steps is not None and look.step < facts.planned_steps:
        return (
            f"{stem}; even the optimistic trend reaches only {cosine_text(look.line_end)} by the "
            f"planned step {facts.planned_steps:,}."
        )
    return f"{stem}; the planned {facts.planned_steps or 0:,} steps are done."


def _drop_sentence(facts: Facts) -> str:
    look = facts.look
    here = "validation" if look.n_dropped == 1 else "validations"
    newest = "newest" if look.n_dropped == 1 else f"newest {look.n_dropped}"
    return (
        f"The {newest} {here} over {count_text(facts.n_prompts, 'prompt')} "
        f"{'lies' if look.n_dropped == 1 else 'lie'} more than "
        f"{cosine_text(facts.rules.drop_cosine)} under the best, {cosine_text(look.peak)} at step "
        f"{look.peak_step:,}: a dip or a collapse."
    )


def _in_band_sentence(facts: Facts) -> str:
    if facts.band is None:
        raise ValueError("a level lies in a band only where there is one")
    low, high = _band_text(facts.band.low_cosine), _band_text(facts.band.high_cosine)
    where = "above" if facts.fit.plateau.location == "ABOVE_BAND" else "in"
    return (
        f"{level_text(facts)} lies {where} the band {low}–{high}: CLIP differences stop being "
        "informative there; judge by eye, do not rank."
    )


def _unsure_sentence(facts: Facts) -> str:
    look = facts.look
    limit = "" if math.isnan(look.limit) else f" reaches {cosine_text(look.limit)}:"
    return (
        f"{level_text(facts)} is {_shape(facts)} below {_low(facts)}, but with so few prompts the "
        f"upper limit for others of their kind{limit} these may just be hard ones."
    )


def _trend(facts: Facts) -> tuple[str, ...]:
    plateau = facts.fit.plateau
    if plateau.drift is None or facts.case in ("RISING", "FALLING", "UNCLEAR", "DROPPED"):
        return ()
    if plateau.status in FLAT and plateau.onset_step is not None:
        since = f"Flat since step {plateau.onset_step:,}"
        low, high = plateau.onset_low_step, plateau.onset_high_step
        if low is not None and high is not None and low != high:
            since += f" (between {low:,} and {high:,})"
        return (f"{since}: {_horizon(facts)}.",)
    word = {"rising": "Rising", "falling": "Falling", "unstable": "Swinging"}
    return (f"{word.get(plateau.status, 'Trend not clear')}: {_horizon(facts)}.",)


def _flag_history(facts: Facts) -> tuple[str, ...]:
    first, saved = facts.abandon.first_flag_step, facts.abandon.steps_saved
    if first is None:
        return ()
    if not facts.abandon.flag:
        return (f"The rule said abandon at step {first:,}; the curve has recovered since.",)
    told = f"The rule first said so at step {first:,}"
    if saved and facts.planned_steps:
        told += f"; stopping there saves {saved:,} of {facts.planned_steps:,} planned steps"
    advice = ()
    if facts.abandon.peak_step is not None:
        advice = (
            f"Roll back to the checkpoint nearest to step {facts.abandon.peak_step:,} and try a "
            "lower learning rate.",
        )
    return (f"{told}.", *advice)


def _remarks(facts: Facts) -> tuple[str, ...]:
    told = []
    if facts.base is not None:
        base = facts.base
        told.append(
            f"Against the base model: {change_text(base.difference)} "
            f"({change_text(base.low)} … {change_text(base.high)}) over "
            f"{count_text(base.n_prompts, 'common prompt')}."
        )
    if "TOO_SLOW" in facts.notes and facts.planned_steps is not None:
        told.append(
            f"At this pace it stays under {_low(facts)} to the planned step "
            f"{facts.planned_steps:,}."
        )
    if "LAST_STEP_UNCONFIRMED" in facts.notes:
        told.append("The newest validation jumps and is left out until the next one confirms it.")
    if "ISOLATED_BAD_STEP" in facts.notes:
        told.append("A lone validation that jumps away and back is left out: look at its pictures.")
    if "PROMPT_SET_CHANGED" in facts.notes:
        told.append("The prompts changed during the run: only validations since then are judged.")
    return tuple(told)


def _horizon(facts: Facts) -> str:
    """another 2,000 steps at this trend: −.002 … +.003"""
    plateau = facts.fit.plateau
    if plateau.drift_low is None or plateau.drift_high is None:
        return "no trend yet"
    return (
        f"another {plateau.horizon_steps:,} steps at this trend: {change_text(plateau.drift_low)} "
        f"… {change_text(plateau.drift_high)}"
    )


def _shape(facts: Facts) -> str:
    status = facts.fit.plateau.status
    if status in FLAT:
        return "flat"
    words = {"rising": "rising", "falling": "falling", "unstable": "swinging"}
    return words.get(status, "without a clear trend")


def _low(facts: Facts) -> str:
    return _band_text(facts.band.low_cosine) if facts.band is not None else "the band"


def _band_text(edge: float) -> str:
    return f"{edge:.2f}".removeprefix("0")


def _share_done(facts: Facts) -> str:
    if not facts.planned_steps or facts.last_step is None:
        return "the plan"
    share = 100 * facts.last_step / facts.planned_steps
    return f"{share:.0f} % of the planned {facts.planned_steps:,} steps"
