"""Cases become sentences with their numbers.

Invariant: every sentence can be checked against the finding it comes from, cosines have three
decimals as trainers print them divided by 100, and the first sentence alone is enough for a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from clipstore.analysis.facts import Facts
from clipstore.analysis.phrases import band_text, change_text, cosine_text, count_text
from clipstore.analysis.plateau import FLAT
from clipstore.findings import Advice, AdviceKind


def reasons_of(facts: Facts, advice: Sequence[Advice]) -> tuple[str, ...]:
    """The sentences of a verdict, the deciding one first. Advice is repeated here but for what a
    verdict says as its requirement."""
    told = (each.text for each in advice if each.kind in _TOLD_AS_REASONS)
    return (
        _first_sentence(facts),
        *_trend(facts),
        *_flag_history(facts),
        *told,
        *_remarks(facts),
    )


_TOLD_AS_REASONS: frozenset[AdviceKind] = frozenset(
    {"ROLL_BACK", "LOWER_LEARNING_RATE", "CHECK_PAIRING", "CHECK_PICTURES", "LONGER_PLAN"}
)


def level_text(facts: Facts) -> str:
    """clip/mean 0.241 ± 0.004 over 48 prompts"""
    plateau = facts.fit.plateau
    level, low = plateau.level, plateau.level_low
    if level is None or low is None:
        return f"clip/mean over {count_text(facts.n_prompts, 'prompt')}"
    half = cosine_text(level - low)
    prompts = count_text(facts.n_prompts, "prompt")
    return f"clip/mean {cosine_text(level)} ± {half} over {prompts}"


def _first_sentence(facts: Facts) -> str:  # noqa: C901, PLR0912 - one branch a case
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
                f"{level} is an anecdote: fewer than {rules.min_prompts} prompts say nothing "
                "about a run."
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
        case "TOO_SLOW":
            return _too_slow_sentence(facts)
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
                "is done: a run that rises late looks the same until it does. The rule decides "
                f"from step {round(rules.patience_share * (facts.planned_steps or 0)):,} on."
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
                f"{level} is {_shape(facts)} below {_low(facts)}; its best was "
                f"{cosine_text(facts.look.peak)} at step {facts.look.peak_step:,}: no run that "
                "never learned, and the loss is too small or too uncertain for a collapse."
            )
        case "UNSURE":
            return _unsure_sentence(facts)
        case "UNSETTLED":
            return (
                f"{level} is {_shape(facts)} below {_low(facts)}, but it moved too recently to be "
                "called stuck: a run that pauses or dips looks the same."
            )
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
    under = band_text(facts.band.poor_below_cosine) if poor and facts.band else _low(facts)
    averaged = "they"
    if look.n_under >= facts.rules.stuck_min_window:
        stay = f"has stayed under {under} for the last {count_text(look.n_under, 'validation')}"
        if look.n_window != look.n_under:
            averaged = f"the last {look.n_window:,}"
    else:
        stay = f"lies under {under} over the last {count_text(look.n_window, 'validation')}"
    stem = f"clip/mean over {prompts} {stay}"
    if facts.last_step is not None and look.step < facts.last_step:
        stem += f" up to step {look.step:,}"
    stem += (
        f"; {averaged} average {cosine_text(look.level)}, with all looks allowed for at most "
        f"{cosine_text(look.limit)}"
    )
    if facts.planned_steps is not None and look.step < facts.planned_steps:
        return (
            f"{stem}, and even the optimistic trend reaches only {cosine_text(look.line_end)} by "
            f"the planned step {facts.planned_steps:,}."
        )
    return f"{stem}, and the planned {facts.planned_steps or 0:,} steps are done."


def _drop_sentence(facts: Facts) -> str:
    look, n = facts.look, facts.look.n_dropped
    newest = "newest validation lies" if n == 1 else f"newest {n:,} validations lie"
    return (
        f"The {newest} more than {cosine_text(facts.rules.drop_cosine)} under the best clip/mean "
        f"over {count_text(facts.n_prompts, 'prompt')}, {cosine_text(look.peak)} at step "
        f"{look.peak_step:,}: a dip or a collapse."
    )


def _too_slow_sentence(facts: Facts) -> str:
    level, low, planned = level_text(facts), _low(facts), facts.planned_steps or 0
    if facts.plan_is_done:
        return (
            f"{level} is rising too slowly: the planned {planned:,} steps are done, and it is "
            f"still below {low}."
        )
    return (
        f"{level} is rising too slowly: after {_share_done(facts)} not even the steepest trend "
        f"that fits reaches {low} within the plan."
    )


def _in_band_sentence(facts: Facts) -> str:
    if facts.band is None:
        raise ValueError("a level lies in a band only where there is one")
    low, high = band_text(facts.band.low_cosine), band_text(facts.band.high_cosine)
    where = "above" if facts.fit.plateau.location == "ABOVE_BAND" else "in"
    return (
        f"{level_text(facts)} lies {where} the band {low}–{high}: CLIP differences stop being "
        "informative there; judge by eye, do not rank."
    )


def _unsure_sentence(facts: Facts) -> str:
    stem = f"{level_text(facts)} is {_shape(facts)} below {_low(facts)}, but"
    if math.isnan(facts.look.limit):
        return f"{stem} not clearly enough to call it stuck."
    limit = cosine_text(facts.look.limit)
    if facts.look.for_any_prompts:
        return f"{stem} other prompts of their kind could reach {limit}: these may be hard ones."
    return f"{stem} its upper limit, all looks allowed for, reaches {limit}."


def _trend(facts: Facts) -> tuple[str, ...]:
    plateau = facts.fit.plateau
    if plateau.drift is None or facts.case in ("RISING", "FALLING", "UNCLEAR", "DROPPED"):
        return ()
    if plateau.status in FLAT and plateau.onset_step is not None:
        first = "the first validation, " if plateau.onset_step == facts.first_step else ""
        since = f"Flat since {first}step {plateau.onset_step:,}"
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
        return (f"The rule said abandon at step {first:,}; later validations took that back.",)
    told = f"The rule first said so at step {first:,}"
    if saved and facts.planned_steps:
        told += f"; stopping there saves {saved:,} of {facts.planned_steps:,} planned steps"
    return (f"{told}.",)


def _remarks(facts: Facts) -> tuple[str, ...]:
    told = []
    if facts.base is not None:
        base = facts.base
        told.append(
            f"Against the base model: {change_text(base.difference)} "
            f"({change_text(base.low)} … {change_text(base.high)}) over "
            f"{count_text(base.n_prompts, 'common prompt')}."
        )
    if facts.case == "RISING" and "TOO_SLOW" in facts.notes and facts.planned_steps is not None:
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
    """another 2,000 steps at this trend: −0.002 … +0.003"""
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
    return band_text(facts.band.low_cosine) if facts.band is not None else "the band"


def _share_done(facts: Facts) -> str:
    if not facts.planned_steps or facts.last_step is None:
        return "the plan"
    share = 100 * facts.last_step / facts.planned_steps
    return f"{share:.0f} % of the planned {facts.planned_steps:,} steps"
