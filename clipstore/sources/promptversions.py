"""Pictures that a layout recognised, with the texts they were made from.

Invariant: within a run one prompt id stands for one text. An id whose text changes from picture to
picture becomes id, id#2, id#3 in order of steps, so that no curve joins scores of two texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import attrgetter

from clipstore.sources.prompts import PromptBook, list_ids
from clipstore.types import Picture, Problem, Prompt

TextFinder = Callable[[Picture], Prompt | Problem]
"""The prompt of a picture, or why it has none."""


@dataclass(frozen=True)
class TextedPictures:
    """A run's pictures, parted into those with a text and the others."""

    pictures: tuple[Picture, ...]
    prompts: tuple[Prompt, ...]
    problems: tuple[Problem, ...]
    """One per picture without a text."""
    untold: frozenset[str]
    """Their prompt ids."""
    advice: tuple[str, ...]
    """A sentence per id that has several texts."""


@dataclass(frozen=True)
class FirstOfEach:
    """Pictures parted into the first of each step, prompt and index, and the others."""

    pictures: tuple[Picture, ...]
    """In order of these."""
    repeated: tuple[tuple[Picture, Picture], ...]
    """(another one, the first)."""


def in_order(found: Iterable[Picture]) -> list[Picture]:
    """By step, prompt, index and panel; equal ones as they come."""
    ordered = list(found)
    # Key by key, the last one first: tuples of the keys would take as much memory as the pictures.
    for key in ("panel", "image_index", "prompt_id", "step"):
        ordered.sort(key=attrgetter(key))
    return ordered


def first_of_each(found: Iterable[Picture]) -> FirstOfEach:
    """Of pictures that claim one place the one that comes first."""
    pictures: list[Picture] = []
    repeated: list[tuple[Picture, Picture]] = []
    place = attrgetter("step", "prompt_id", "image_index")
    for picture in in_order(found):
        if pictures and place(pictures[-1]) == place(picture):
            repeated.append((picture, pictures[-1]))
        else:
            pictures.append(picture)
    return FirstOfEach(tuple(pictures), tuple(repeated))


def attach_texts(found: Iterable[Picture], find_text: TextFinder) -> TextedPictures:
    """Give every picture its text. No two of `found` may share step, id, index and panel."""
    ordered = in_order(found)
    versions = _PromptVersions({picture.prompt_id for picture in ordered})
    pictures: list[Picture] = []
    problems: list[Problem] = []
    untold: set[str] = set()
    for picture in ordered:
        prompt = find_text(picture)
        if isinstance(prompt, Problem):
            problems.append(prompt)
            untold.add(picture.prompt_id)
        else:
            name = versions.add(prompt)
            same = name == picture.prompt_id
            pictures.append(picture if same else replace(picture, prompt_id=name))
    return TextedPictures(
        tuple(pictures),
        versions.prompts(),
        tuple(problems),
        frozenset(untold),
        tuple(versions.advice()),
    )


def no_text_problem(picture: Picture, book: PromptBook, what_to_do: str) -> Problem:
    """Why a picture has no text: what a source said against its id, else `what_to_do`."""
    refused = book.refused.get(picture.prompt_id)
    if refused is not None:
        return Problem(picture.path, "prompt", refused.reason, refused.why, picture=picture)
    near = book.near(picture.prompt_id)
    hint = f" The prompt file has {list_ids(near)}, which is another id." if near else ""
    return Problem(
        picture.path,
        "prompt",
        "no_prompt_text",
        f"no text for prompt {picture.prompt_id!r}: {what_to_do}{hint}",
        picture=picture,
    )


def advice_on_untold(untold: Iterable[str], what_to_do: str) -> list[str]:
    """One sentence for all prompts without a text; none when there are none."""
    ids = set(untold)
    if not ids:
        return []
    return [f"prompts without a text ({len(ids)}): {list_ids(ids)}. {what_to_do}"]


class _PromptVersions:
    """The prompts of a run; an id whose text changes becomes id, id#2, id#3 in order of steps."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._by_id: dict[str, dict[str, Prompt]] = {}

    def add(self, prompt: Prompt) -> str:
        """Keep a prompt; returns the id under which its text is known."""
        texts = self._by_id.setdefault(prompt.prompt_id, {})
        if prompt.text not in texts:
            name, number = prompt.prompt_id, len(texts) + 1
            while texts and name in self._taken:
                name, number = f"{prompt.prompt_id}#{number}", number + 1
            self._taken.add(name)
            texts[prompt.text] = replace(prompt, prompt_id=name)
        return texts[prompt.text].prompt_id

    def prompts(self) -> tuple[Prompt, ...]:
        return tuple(prompt for texts in self._by_id.values() for prompt in texts.values())

    def advice(self) -> list[str]:
        return [
            f"the text of prompt {prompt_id!r} changes between pictures: {len(texts)} texts, kept "
            f"as the prompts {list_ids([prompt.prompt_id for prompt in texts.values()])}. Each "
            "picture is scored against its own."
            for prompt_id, texts in self._by_id.items()
            if len(texts) > 1
        ]
