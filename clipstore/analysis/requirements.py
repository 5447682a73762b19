"""For "cannot tell yet": what would decide it, in validations, prompts or steps.

Invariant: a number here is an estimate from the run's own noise and says "about"; where no amount
of data would help, the sentence says that instead.
"""

from __future__ import annotations

from clipstore.analysis.cases import label_of
from clipstore.analysis.dataneeded import DataNeeded
from clipstore.analysis.facts import Facts
from clipstore.analysis.phrases import cosine_text, count_text


def requirement_of(  # noqa: C901, PLR0912 - one branch a case
    facts: Facts, needed: DataNeeded | None
) -> str | None:
    """One sentence; None where the label is not "cannot tell yet"."""
    rules, look = facts.rules, facts.replay.last if facts.replay is not None else None
    if label_of(facts.case) != "cannot tell yet":
        return None
    match facts.case:
        case "NO_SCORES":
            return "Score pictures of at least 5 validations; see `clipstore scan` for refusals."
        case "PICTURES_LOST":
            return (
                "Look at the newest pictures. If they are black or copies, the run or its "
                "pipeline is broken; if they are fine, wait for one whole validation."
            )
        case "TOO_FEW_PROMPTS":
            return (
                f"At least {count_text(rules.few_prompts, 'prompt')}, better 50: "
                f"{rules.few_prompts - facts.n_prompts} more than now."
            )
        case "TOO_SHORT":
            return (
                f"{_more_text(needed)} for a trend; "
                f"{rules.stuck_min_validations} in all before a run can be called stuck."
            )
        case "DROPPED" if look is not None and facts.band is None:
            return (
                f"Judge by eye the pictures of step {look.peak_step:,} beside the newest: for this "
                "CLIP model no band is known, so a drop alone decides nothing."
            )
        case "DROPPED" if look is not None:
            return (
                f"{_more_text(needed)}: dips mostly recover by then, collapses do "
                f"not. Keep the checkpoint nearest to step {look.peak_step:,}."
            )
        case "NO_BAND":
            return (
                "Judge the pictures by eye, or score the run with "
                "openai/clip-vit-large-patch14-336, whose band is known."
            )
        case "EDGE":
            return (
                "Judge the pictures by eye: this near to the edge the shake of single checkpoints "
                f"(± {cosine_text(rules.location_margin_cosine)}) decides, and more prompts do "
                "not remove it."
            )
        case "YOUNG":
            if facts.plan_is_done:
                return (
                    "Judge the pictures by eye: the plan is done. Next time validate at least "
                    f"{rules.stuck_min_validations} times."
                )
            return f"{_more_text(needed)}; validate more often."
        case "NO_PLAN":
            return "The number of planned steps: pass --planned-steps N."
        case "WAS_NEAR":
            best = f"step {look.peak_step:,}" if look and look.peak_step else "the best step"
            return f"Compare by eye the pictures of {best} with the newest."
        case "UNSURE":
            if look is None or look.prompts_needed is None:
                return (
                    "More validations: at this distance from the band the shake of checkpoints, "
                    "which more prompts do not remove, is what keeps it open."
                )
            told = f"About {count_text(look.prompts_needed, 'prompt')} instead of {facts.n_prompts}"
            if look.for_any_prompts:
                told += ", or a run with the same prompts that reaches the band"
            return f"{told}."
        case "TOO_SLOW" if facts.soonest_band_step is not None:
            return (
                f"A plan of at least {facts.soonest_band_step:,} steps, by the steepest trend that "
                "fits."
            )
        case "UNSETTLED":
            return f"{_more_text(needed)} at this level."
        case _:
            return _trend_text(facts, needed)


def _more_text(needed: DataNeeded | None) -> str:
    n_validations = needed.n_validations if needed is not None else None
    return count_text(n_validations or 1, "more validation")


def _trend_text(facts: Facts, needed: DataNeeded | None) -> str:
    if needed is None or needed.resolution is None:
        return f"{_more_text(needed)}."
    rules = facts.rules
    told = f"About {_more_text(needed)}"
    if needed.n_prompts is not None:
        prompts = count_text(needed.n_prompts, "prompt")
        told += f", or about {prompts} instead of {facts.n_prompts}"
    told += f", to bound the change to ± {cosine_text(needed.resolution)}"
    planned = facts.planned_steps
    if planned is not None and facts.last_step is not None:
        patience = round(rules.patience_share * planned)
        if facts.last_step < patience:
            told += f"; from step {patience:,} on the rule may also call it stuck"
    return f"{told}."
