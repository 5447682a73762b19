"""The smallest layout, and the one to copy for a new trainer.

    run/step_000500/fox.png        one picture, the prompt id is "fox"
    run/step_000500/fox__1.png     a second picture of the same prompt (index 1; fox.png is 0)
    run/step_000500/fox.txt        the prompt; fox__1.txt if the second picture had another one
    run/prompts.json               or .jsonl .csv .tsv .txt: prompts of all steps, by id

Invariant: a picture's text is the text beside it, else the --prompts file's, else the prompt
file's of the run. When an id has another text at a later step, that is another prompt, "fox#2".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from clipstore.errors import PromptFileError
from clipstore.layouts import ReadContext
from clipstore.sources.listing import (
    ListedFile,
    file_names,
    has_picture_suffix,
    list_folder,
    list_tree,
)
from clipstore.sources.prompts import (
    PromptBook,
    PromptFile,
    list_ids,
    load_prompt_file,
    prompts_to_book,
)
from clipstore.sources.textfiles import Unreadable, read_text, text_problem
from clipstore.types import Picture, Problem, Prompt, Run, RunContents, Skipped

NAME = "folder"

PROMPT_FILES = ("prompts.json", "prompts.jsonl", "prompts.csv", "prompts.tsv", "prompts.txt")
"""Looked for in the run's folder in this order; the first one there is used."""
MAX_STEP = 2**31 - 1
MAX_TEXT_BYTES = 2**20

_STEP_FOLDER = re.compile(r"step_([0-9]+)")
_NUMBERED = re.compile(r"(.+)__([0-9]{1,6})", re.S)


def claims(folder: Path) -> str | None:
    """A folder with at least one picture directly inside a folder step_<number>."""
    for entry in list_folder(folder).folders:
        if _STEP_FOLDER.fullmatch(entry.name):
            for name in file_names(folder / entry.name):
                if has_picture_suffix(name):
                    return f"it holds pictures in {entry.name}/"
    return None


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """The one run in `folder`."""
    tree = list_tree(folder, without=context.other_runs)
    paths = frozenset(file.path for file in tree.files)
    prompt_file, advice = _read_prompt_file(folder, paths)
    book = prompts_to_book(context.user_prompts, prompt_file.prompts, refused=prompt_file.refused)

    found: list[Picture] = []
    problems, skipped = list(tree.problems), list(tree.skipped)
    for file in tree.files:
        outcome = _file_to_picture(file)
        if isinstance(outcome, Picture):
            found.append(outcome)
        elif isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            skipped.append(outcome)

    versions = _PromptVersions({picture.prompt_id for picture in found})
    pictures: dict[tuple[int, str, int], Picture] = {}
    untold: set[str] = set()
    for picture in sorted(found, key=lambda one: (one.step, one.prompt_id, one.image_index)):
        key = (picture.step, picture.prompt_id, picture.image_index)
        prompt = _picture_to_prompt(picture, paths, book)
        if key in pictures:
            problems.append(_same_name_problem(picture, pictures[key]))
        elif isinstance(prompt, Problem):
            problems.append(prompt)
            untold.add(picture.prompt_id)
        else:
            pictures[key] = replace(picture, prompt_id=versions.add(prompt))

    run = Run(context.run_name, folder, NAME, claims(folder) or "--layout folder asks for it")
    advice += [*versions.advice(), *_advice_on_texts(untold, versions.prompts(), context)]
    return (
        RunContents(
            run,
            tuple(pictures.values()),
            versions.prompts(),
            tuple(problems),
            tuple(skipped),
            tuple(advice),
        ),
    )


def _file_to_picture(file: ListedFile) -> Picture | Problem | Skipped:
    """What a file is by its place and name alone."""
    step_folder = _STEP_FOLDER.fullmatch(file.parts[0]) if len(file.parts) == 2 else None
    if not file.is_picture:
        is_prompt = file.path.suffix == ".txt" if step_folder else file.name in PROMPT_FILES
        return Skipped(file.path, "prompt_text" if is_prompt else "not_a_picture")
    if step_folder is None:
        return Skipped(file.path, "not_in_a_step_folder")
    step = int(step_folder[1])
    if step > MAX_STEP:
        return Problem(
            file.path,
            "name",
            "step_out_of_range",
            f"its folder says step {step}; steps end at {MAX_STEP:,}. Rename the folder.",
        )
    stem = file.path.stem
    numbered = _NUMBERED.fullmatch(stem)
    prompt_id, index = (numbered[1], int(numbered[2])) if numbered else (stem, 0)
    return Picture(file.path, step, prompt_id, index, "only")


def _picture_to_prompt(
    picture: Picture, paths: frozenset[Path], book: PromptBook
) -> Prompt | Problem:
    """The text beside the picture, else the book's."""
    own = picture.path.with_suffix(".txt")
    shared = picture.path.with_name(f"{picture.prompt_id}.txt")
    beside = next((path for path in (own, shared) if path in paths), None)
    if beside is None:
        prompt = book.find_for_stem(picture.prompt_id)
        return prompt or _no_text_problem(picture, own, book)
    try:
        text = read_text(beside, max_bytes=MAX_TEXT_BYTES).strip()
    except Unreadable as error:
        return Problem(picture.path, "prompt", "prompt_unreadable", f"{beside.name}: {error}.")
    bad = text_problem(text)
    if bad is not None:
        return Problem(picture.path, "prompt", "prompt_unreadable", f"{beside.name}: {bad}.")
    return Prompt(picture.prompt_id, text, beside.name)


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


def _read_prompt_file(folder: Path, paths: frozenset[Path]) -> tuple[PromptFile, list[str]]:
    there = [name for name in PROMPT_FILES if folder / name in paths]
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


def _advice_on_texts(
    untold: set[str], prompts: tuple[Prompt, ...], context: ReadContext
) -> list[str]:
    advice = []
    if untold:
        advice.append(
            f"prompts without a text ({len(untold)}): {list_ids(untold)}. Put the text in a .txt "
            "file beside each picture, or pass --prompts FILE with these ids."
        )
    given = {prompt.prompt_id: prompt.text for prompt in context.user_prompts}
    other = {
        prompt.prompt_id
        for prompt in prompts
        if given.get(prompt.prompt_id, prompt.text) != prompt.text
    }
    if other:
        advice.append(
            f"--prompts has another text than the .txt beside the pictures for {list_ids(other)}; "
            "the text beside the picture is used."
        )
    return advice


def _no_text_problem(picture: Picture, wanted: Path, book: PromptBook) -> Problem:
    refused = book.refused.get(picture.prompt_id)
    if refused is not None:
        return Problem(picture.path, "prompt", refused.reason, refused.why, picture=picture)
    near = book.near(picture.prompt_id)
    hint = f" The prompt file has {list_ids(near)}, which is another id." if near else ""
    return Problem(
        picture.path,
        "prompt",
        "no_prompt_text",
        f"no text for prompt {picture.prompt_id!r}: write it into {wanted.name} beside the "
        f"picture, or pass --prompts FILE with that id.{hint}",
        picture=picture,
    )


def _same_name_problem(picture: Picture, first: Picture) -> Problem:
    return Problem(
        picture.path,
        "name",
        "same_prompt_and_index",
        f"{first.path.name} is already picture {picture.image_index} of prompt "
        f"{picture.prompt_id!r} at step {picture.step}; name further ones "
        f"{picture.prompt_id}__1.png, {picture.prompt_id}__2.png and so on.",
    )
