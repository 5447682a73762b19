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
import sys
from pathlib import Path, PurePath

from clipstore.layouts import ReadContext
from clipstore.sources.listedfiles import MAX_STEP, ListedFile, has_picture_suffix
from clipstore.sources.listing import file_names, list_folder, list_tree, sort_tree
from clipstore.sources.prompts import prompts_to_book
from clipstore.sources.promptversions import advice_on_untold, attach_texts, first_of_each
from clipstore.sources.textbeside import (
    PROMPT_FILES,
    advice_on_user_prompts,
    load_own_prompts,
    text_finder,
)
from clipstore.types import Picture, Problem, Run, RunContents, Skipped

NAME = "folder"

_STEP_FOLDER = re.compile(r"step_([0-9]+)")
_NUMBERED = re.compile(r"(.+)__([0-9]{1,6})", re.S)


def claims(folder: Path) -> str | None:
    """A folder with at least one picture directly inside a folder step_<number>."""
    for step in list_folder(folder).folders:
        if _STEP_FOLDER.fullmatch(step):
            for name in file_names(folder / step):
                if has_picture_suffix(name):
                    return f"it holds pictures in {step}/"
    return None


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """The one run in `folder`."""
    tree = list_tree(folder, without=context.other_runs)
    beside = tree.names_beside_samples()
    own_prompts, advice = load_own_prompts(folder, beside)
    book = prompts_to_book(context.user_prompts, own_prompts.prompts, refused=own_prompts.refused)

    files = sort_tree(tree, _file_to_picture)
    found = first_of_each(files.found)
    problems = [*files.problems, *(_same_name_problem(*pair) for pair in found.repeated)]

    told = attach_texts(found.pictures, text_finder(beside, book))
    what_to_do = (
        "Put the text in a .txt file beside each picture, or pass --prompts FILE with these ids."
    )
    advice += [*told.advice, *advice_on_untold(told.untold, what_to_do)]
    advice += advice_on_user_prompts(told.prompts, context.user_prompts)
    return (
        RunContents(
            Run(context.run_name, folder, NAME, claims(folder) or "--layout folder asks for it"),
            told.pictures,
            told.prompts,
            (*problems, *told.problems),
            files.skipped,
            tuple(advice),
        ),
    )


def _file_to_picture(file: ListedFile) -> Picture | Problem | Skipped:
    """What a file is by its place and name alone."""
    step_folder = _STEP_FOLDER.fullmatch(file.folders[0]) if len(file.folders) == 1 else None
    name = PurePath(file.name)
    if not file.is_picture:
        is_prompt = name.suffix == ".txt" if step_folder else file.name in PROMPT_FILES
        return file.skipped("prompt_text" if is_prompt else "not_a_picture")
    if step_folder is None:
        return file.skipped("not_in_a_step_folder")
    step = int(step_folder[1])
    if step > MAX_STEP:
        return Problem(
            file.path,
            "name",
            "step_out_of_range",
            f"its folder says step {step}; steps end at {MAX_STEP:,}. Rename the folder.",
        )
    numbered = _NUMBERED.fullmatch(name.stem)
    prompt_id, index = (numbered[1], int(numbered[2])) if numbered else (name.stem, 0)
    return Picture(file.folder, file.name, step, sys.intern(prompt_id), index, "only")


def _same_name_problem(picture: Picture, first: Picture) -> Problem:
    return Problem(
        picture.path,
        "name",
        "same_prompt_and_index",
        f"{first.name} is already picture {picture.image_index} of prompt "
        f"{picture.prompt_id!r} at step {picture.step}; name further ones "
        f"{picture.prompt_id}__1.png, {picture.prompt_id}__2.png and so on.",
    )
