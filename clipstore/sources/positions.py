"""Texts for pictures that name their prompt by its position in a list.

Invariant: a list is believed for a validation only when it is as long as the validation was. Only
the newest validation of a training may be shorter: it may still go on.
"""

from __future__ import annotations

from collections.abc import Sequence

from clipstore.sources.prompts import prompts_to_book
from clipstore.sources.promptversions import TextFinder, no_text_problem
from clipstore.sources.trainings import Training, last_step_sampled
from clipstore.types import Picture, Problem, Prompt


def finder_by_position(
    texts: Sequence[str],
    source: str,
    user_prompts: Sequence[Prompt],
    training: Training,
    what_to_do: str,
) -> TextFinder:
    """Texts by the number that is a picture's prompt id; --prompts wins and is not counted."""
    listed = tuple(Prompt(str(number), text, source) for number, text in enumerate(texts))
    book = prompts_to_book(user_prompts, listed, refused=())
    given = {prompt.prompt_id for prompt in user_prompts}
    counts = _prompts_per_step(training)
    newest = last_step_sampled(training)

    def find(picture: Picture) -> Prompt | Problem:
        count = counts[picture.step]
        may_go_on = picture.step == newest and count < len(texts)
        if picture.prompt_id not in given and texts and count != len(texts) and not may_go_on:
            return _count_problem(picture, source, len(texts), count)
        return book.find(picture.prompt_id) or no_text_problem(picture, book, what_to_do)

    return find


def _prompts_per_step(training: Training) -> dict[int, int]:
    counts: dict[int, int] = {}
    for sample in training.samples:
        step, number = sample.picture.step, int(sample.picture.prompt_id)
        counts[step] = max(counts.get(step, 0), number + 1)
    return counts


def _count_problem(picture: Picture, source: str, n_texts: int, n_pictures: int) -> Problem:
    return Problem(
        picture.path,
        "prompt",
        "prompt_count_differs",
        f"{source} has {n_texts} prompts, but step {picture.step} was sampled with {n_pictures}: "
        "the list was changed since, and only its order says which text is whose. Pass --prompts "
        "FILE with the texts of that time.",
        picture=picture,
    )
