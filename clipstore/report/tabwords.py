"""What the tabs of the prompt cards are called and how each says that it chose.

Invariant: every tab names its rule and how many prompts it chose from; none calls a picture good
or bad.
"""

from __future__ import annotations

from collections.abc import Sequence

from clipstore.report.carddata import CardTab, MiniStrip, RunPrompts, SharedPrompts, TabKind
from clipstore.report.inert import shorten
from clipstore.report.numbertext import count_to_text
from clipstore.report.promptchoice import MIN_CHANGES, RANDOM_SEED

TAB_NAMES: dict[TabKind, str] = {
    "worst": "Worst",
    "best": "Best",
    "improved": "Most improved",
    "regressed": "Most regressed",
    "volatile": "Most volatile",
    "random": "Random",
}
DIFFERING_NAME = "Runs differ most"
NO_QUALITY = "A fine picture can score 0.14 and a poor one 0.39."
ONE_PROMPT = "A single prompt’s score says nothing about picture quality."


def tab_to_sentence(tab: CardTab, run: RunPrompts) -> str:
    """How the prompts of a tab were chosen."""
    chosen, of_all = count_to_text(len(tab.cards)), _prompts(tab.n_candidates)
    step = count_to_text(run.step)
    rules: dict[TabKind, str] = {
        "worst": f"The {chosen} lowest scores at step {step}, of {of_all}.",
        "best": f"The {chosen} highest scores at step {step}, of {of_all}.",
        "improved": f"The {chosen} largest rises from a prompt’s first validation to step {step}, "
        f"of {of_all} with two validations or more.",
        "regressed": f"The {chosen} largest falls from a prompt’s first validation to step {step}, "
        f"of {of_all} with two validations or more.",
        "volatile": f"The {chosen} prompts whose changes from one validation to the next have the "
        f"largest standard deviation, of {of_all} with {MIN_CHANGES} changes or more.",
        "random": f"{chosen} prompts drawn from {of_all} by a hash of their text (seed "
        f"{RANDOM_SEED}), the same in every run that has them: what the chosen ones are to be "
        "held against.",
    }
    return f"{rules[tab.kind]} {ONE_PROMPT}"


def shared_to_sentence(shared: SharedPrompts) -> str:
    """How the prompts on which runs differ were chosen."""
    return (
        f"The {count_to_text(len(shared.differing))} prompts whose last scores lie furthest apart "
        f"between runs, each run’s own mean taken away first, of {_prompts(shared.n_candidates)} "
        f"that several runs have. {ONE_PROMPT}"
    )


def _prompts(n_prompts: int) -> str:
    return f"{count_to_text(n_prompts)} {'prompt' if n_prompts == 1 else 'prompts'}"


def strips_to_sentence(strips: Sequence[MiniStrip]) -> str:
    """Which pictures stand beside the verdicts; empty without any."""
    shared = [strip for strip in strips if strip.is_shared]
    if not shared:
        return ""
    text = shorten(shared[0].prompt.text, 90)
    return (
        "A run’s three pictures are those of its first, middle and last validation (its peak in "
        f"the middle where it collapsed) for “{text}”, the prompt with the middle score of those "
        "that most runs have."
    )
