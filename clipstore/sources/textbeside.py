"""Prompts that a user keeps with the pictures: name.txt beside name.png, prompts.json in the run.

Invariant: the text beside a picture wins, then --prompts, then the run's prompt file.
"""

from __future__ import annotations

from pathlib import Path, PurePath

from clipstore.errors import PromptFileError
from clipstore.sources.listing import NamesByFolder
from clipstore.sources.prompts import PromptBook, PromptFile, list_ids, load_prompt_file
from clipstore.sources.promptversions import TextFinder, no_text_problem
from clipstore.sources.textfiles import Unreadable, read_text, text_problem
from clipstore.types import Picture, Problem, Prompt

PROMPT_FILES = ("prompts.json", "prompts.jsonl", "prompts.csv", "prompts.tsv", "prompts.txt")
"""Looked for in the run's folder in this order; the first one there is used."""
MAX_TEXT_BYTES = 2**20


def load_own_prompts(folder: Path, beside: NamesByFolder) -> tuple[PromptFile, list[str]]:
    """The prompt file in a run's folder, and what to tell the user of it. `beside`: all files that
    are no samples."""
    there = [name for name in PROMPT_FILES if name in beside.get(folder, ())]
    if not there:
        return PromptFile((), ()), []
    advice = []
    if len(there) > 1:
        advice.append(f"of the prompt files {', '.join(there)} only {there[0]} is used.")
    try:
        loaded = load_prompt_file(folder / there[0])
    except PromptFileError as error:
        return PromptFile((), ()), [*advice, str(error)]
    advice += [f"{there[0]}: {item.prompt_id}: {item.why}" for item in loaded.refused]
    return loaded, advice


def text_finder(beside: NamesByFolder, book: PromptBook) -> TextFinder:
    """Looks beside the picture (its own name first, then its prompt id), then in the book."""

    def find(picture: Picture) -> Prompt | Problem:
        own, shared = text_name(picture), f"{picture.prompt_id}.txt"
        there = beside.get(picture.folder, ())
        name = next((name for name in (own, shared) if name in there), None)
        if name is not None:
            return read_text_beside(picture, name)
        return book.find_for_stem(picture.prompt_id) or no_text_problem(
            picture,
            book,
            f"write it into {own} beside the picture, or pass --prompts FILE with that id.",
        )

    return find


def text_name(picture: Picture) -> str:
    """The name of the text that is beside this picture alone."""
    return PurePath(picture.name).with_suffix(".txt").name


def read_text_beside(picture: Picture, name: str) -> Prompt | Problem:
    """The whole file of this name in the picture's folder as one prompt."""
    try:
        text = read_text(picture.folder / name, max_bytes=MAX_TEXT_BYTES).strip()
    except Unreadable as error:
        return Problem(picture.path, "prompt", "prompt_unreadable", f"{name}: {error}.")
    bad = text_problem(text)
    if bad is not None:
        return Problem(picture.path, "prompt", "prompt_unreadable", f"{name}: {bad}.")
    return Prompt(picture.prompt_id, text, name)


def advice_on_user_prompts(
    prompts: tuple[Prompt, ...], user_prompts: tuple[Prompt, ...]
) -> list[str]:
    """A sentence when --prompts says something else than the text beside the pictures."""
    given = {prompt.prompt_id: prompt.text for prompt in user_prompts}
    other = {
        prompt.prompt_id
        for prompt in prompts
        if given.get(prompt.prompt_id, prompt.text) != prompt.text
    }
    if not other:
        return []
    return [
        f"--prompts has another text than the .txt beside the pictures for {list_ids(other)}; "
        "the text beside the picture is used."
    ]
