"""What to do about a run, each piece tied to the finding that gave rise to it.

Invariant: no advice without a reason and its numbers, and none that the scores cannot carry: in the
band the only advice is to look. The sentences here are the ones that a verdict's reasons repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clipstore.analysis.cases import label_of
from clipstore.analysis.dataneeded import DataNeeded
from clipstore.analysis.facts import Facts
from clipstore.analysis.phrases import cosine_text, count_text, steps_text
from clipstore.findings import Advice, Verdict
from clipstore.sources.checkpoints import Checkpoint


def advice_of(facts: Facts, needed: DataNeeded | None) -> tuple[Advice, ...]:
    """All that applies, the most urgent first. `needed`: what would decide an open case."""
    return (
        *_of_flag(facts),
        *_of_base(facts),
        *_of_case(facts),
        *_of_data(facts, needed),
        *_of_pictures(facts),
    )


def with_checkpoints(verdict: Verdict, checkpoints: Sequence[Checkpoint]) -> Verdict:
    """The verdict with its advice to roll back naming the nearest checkpoint from before the fall;
    unchanged where the folder of the run shows none at all."""
    told = [each for each in verdict.advice if each.kind == "ROLL_BACK"]
    if not told or not checkpoints:
        return verdict
    (old,) = told
    new = _named(old, checkpoints)
    return replace(
        verdict,
        reasons=tuple(new.text if text == old.text else text for text in verdict.reasons),
        advice=tuple(new if each is old else each for each in verdict.advice),
    )


def _of_flag(facts: Facts) -> tuple[Advice, ...]:
    reason = facts.abandon.reason
    if facts.case != "FLAGGED" or reason is None:
        return ()
    look = facts.look
    if reason == "COLLAPSED" and look.peak_step is not None:
        return (
            Advice(
                kind="ROLL_BACK",
                because=reason,
                text=f"Roll back to the checkpoint nearest to step {look.peak_step:,} (clip/mean "
                f"{cosine_text(look.peak)}, now {cosine_text(look.level)}) or before.",
                step=look.peak_step,
                last_good_step=look.last_good_step,
                cosine=look.peak,
                cosine_now=look.level,
            ),
            Advice("LOWER_LEARNING_RATE", reason, "Try a lower learning rate from there on."),
        )
    advice = [
        Advice(
            "STOP",
            reason,
            "Leave it at that: nothing says that more such steps would bring it to the band."
            if facts.plan_is_done
            else "Stop it: what is left of the plan will not bring it to the band.",
            cosine_now=look.level,
        )
    ]
    if reason == "STUCK_POOR":
        advice.append(
            Advice(
                "CHECK_PAIRING",
                reason,
                "Look whether its captions belong to its pictures, in training and in validation: "
                "a level this low is what pictures of other prompts get.",
                cosine_now=look.level,
            )
        )
    return tuple(advice)


def _of_base(facts: Facts) -> tuple[Advice, ...]:
    """A run that is surely below its own base model unlearned; a collapse is told already, and in
    the band nothing is."""
    if facts.base is None or facts.base.high >= 0 or facts.abandon.reason == "COLLAPSED":
        return ()
    if label_of(facts.case) == "in band: judge by eye":
        return ()
    text = (
        "It is surely below its own base model: look whether its captions belong to its pictures, "
        "and try a lower learning rate."
    )
    now = facts.base.base_mean + facts.base.difference
    advice = Advice(
        "LOWER_LEARNING_RATE", "BELOW_BASE", text, cosine=facts.base.base_mean, cosine_now=now
    )
    return (advice,)


def _of_case(facts: Facts) -> tuple[Advice, ...]:
    level = facts.fit.plateau.level
    if facts.case in ("IN_BAND", "EDGE", "NO_BAND", "WAS_NEAR"):
        text = "Judge the pictures by eye: at this level CLIP cannot choose between checkpoints."
        return (Advice("JUDGE_BY_EYE", facts.case, text, cosine_now=level),)
    if facts.case == "NO_PLAN":
        text = "Say how many steps are planned with --planned-steps N."
        return (Advice("SET_PLANNED_STEPS", "BUDGET_UNKNOWN", text),)
    if facts.case == "TOO_SLOW":
        text = (
            "Whether it is worth a longer plan, its pictures must show: compare them with the base "
            "model's by eye."
        )
        return (Advice("LONGER_PLAN", facts.case, text, step=facts.soonest_band_step),)
    if facts.plan_is_done and label_of(facts.case) == "keep going":
        text = "Plan more steps: the planned ones are done and it still rises or may."
        return (Advice("LONGER_PLAN", facts.case, text, step=facts.planned_steps),)
    return ()


def _of_data(facts: Facts, needed: DataNeeded | None) -> tuple[Advice, ...]:
    if needed is None:
        return ()
    advice = []
    bound = "" if needed.resolution is None else f", for ± {cosine_text(needed.resolution)}"
    if needed.n_validations is not None:
        more = count_text(needed.n_validations, "more validation")
        advice.append(
            Advice(
                "MORE_VALIDATIONS",
                facts.case,
                f"{more}{bound}.",
                n_validations=needed.n_validations,
                resolution_cosine=needed.resolution,
            )
        )
    if needed.n_prompts is not None:
        prompts = count_text(needed.n_prompts, "prompt")
        advice.append(
            Advice(
                "MORE_PROMPTS",
                facts.case,
                f"{prompts} instead of {facts.n_prompts:,}{bound}.",
                n_prompts=needed.n_prompts,
                resolution_cosine=needed.resolution,
            )
        )
    return tuple(advice)


def _of_pictures(facts: Facts) -> tuple[Advice, ...]:
    texts = {
        "MIXED_UP_STEP": f"Look at the pictures of {steps_text(facts.mixed_up_steps)}, which "
        "count for nothing: their scores lost the pattern of the prompts, as pictures of other "
        "prompts do.",
        "CONSTANT_SCORES": "Look at the pictures whose score never changes: black or copied ones "
        "look like that.",
        "DUPLICATE_SCORES": "Look at the pictures that share one score: black or copied ones look "
        "like that.",
    }
    return tuple(
        Advice(
            "CHECK_PICTURES",
            code,
            text,
            steps=facts.mixed_up_steps if code == "MIXED_UP_STEP" else (),
        )
        for code, text in texts.items()
        if code in facts.notes
    )


def _named(advice: Advice, checkpoints: Sequence[Checkpoint]) -> Advice:
    peak, limit = advice.step or 0, advice.last_good_step
    before = [each for each in checkpoints if limit is None or each.step <= limit]
    there = f"step {peak:,} (clip/mean {cosine_text(advice.cosine or 0.0)}, now "
    there += f"{cosine_text(advice.cosine_now or 0.0)})"
    if not before:
        oldest = min(checkpoints).name
        text = (
            f"It was best at {there}, but no checkpoint from before the fall is left: the oldest "
            f"in its folder is {oldest}."
        )
        return replace(advice, text=text)
    best = min(before, key=lambda each: (abs(each.step - peak), each.step))
    text = f"Roll back to {best.name}, the nearest in its folder to {there}."
    return replace(advice, text=text, checkpoint=best.name, checkpoint_step=best.step)
