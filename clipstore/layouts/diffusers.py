"""The pictures that diffusers' training scripts save when they end: image_0.png and a model card.

Invariant: such a run has one validation, its last step. The step comes from the settings that
accelerate logged, else from the newest checkpoint, which the picture then says in a note. During
training these scripts save pictures only in logs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clipstore.layouts import ReadContext
from clipstore.sources.listedfiles import ListedFile, rule_by_suffix
from clipstore.sources.listing import file_names, list_tree, sort_tree
from clipstore.sources.prompts import PromptBook, prompts_to_book
from clipstore.sources.promptversions import advice_on_untold, attach_texts, no_text_problem
from clipstore.sources.textfiles import Unreadable, read_text, text_problem
from clipstore.sources.trainerconfig import TrainerConfig, read_trainer_config
from clipstore.sources.yamlfiles import text_to_yaml
from clipstore.types import Picture, Problem, Prompt, Run, RunContents, Skipped

NAME = "diffusers"

CARD = "README.md"
PROMPT_ID = "validation"
MAX_CARD_BYTES = 2**20
CHECKPOINT_NOTE = "step_of_last_checkpoint"
WHAT_TO_DO = f"Pass --prompts FILE with the id {PROMPT_ID!r}, the script's --validation_prompt."

_PICTURE = re.compile(r"image_([0-9]{1,4})\.png")
_GRID = re.compile(r"images_[0-9]{1,4}\.png|val_imgs_grid\.png")
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,12})")


class _Card(NamedTuple):
    """The model card's beginning."""

    is_of_diffusers: bool
    texts: Mapping[str, str]
    """Picture's file name to the text that the card gives it; blank ones are left out."""


def claims(folder: Path) -> str | None:
    """A folder with such a picture beside a model card that names diffusers."""
    names = set(file_names(folder))
    if CARD not in names:
        return None
    picture = next((name for name in sorted(names) if _PICTURE.fullmatch(name)), None)
    picture = picture or next((name for name in sorted(names) if _GRID.fullmatch(name)), None)
    if picture is None or not _read_card(folder / CARD).is_of_diffusers:
        return None
    return f"it holds {picture} beside a model card of diffusers"


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """The one run in `folder`."""
    tree = list_tree(folder, without=context.other_runs)
    config, advice = _read_logged_settings(tree.files)
    step, notes = _last_step(config, tree.files)
    texts = _picture_texts(folder / CARD, tree.files)
    logged = None if config is None else config.text("validation_prompt")
    listed = list(texts.values()) or [text for text in [logged] if text is not None]
    ids = _texts_to_ids(listed)

    files = sort_tree(tree, lambda file: _sort(file, step))
    found = _to_pictures(files.found, step or 0, notes, texts, ids)
    source = CARD if texts else "hparams.yml"
    own = [Prompt(prompt_id, text, source) for text, prompt_id in ids.items()]
    book = prompts_to_book(context.user_prompts, own, refused=())
    told = attach_texts(found, lambda one: _find(one, book))
    return (
        RunContents(
            Run(
                context.run_name,
                folder,
                NAME,
                claims(folder) or f"--layout {NAME} asks for it",
                None if config is None else config.whole("max_train_steps"),
                {} if config is None else config.values,
            ),
            told.pictures,
            told.prompts,
            (*files.problems, *told.problems),
            files.skipped,
            (*advice, *told.advice, *advice_on_untold(told.untold, WHAT_TO_DO)),
        ),
    )


def _to_pictures(
    files: Sequence[_Numbered],
    step: int,
    notes: tuple[str, ...],
    texts: Mapping[str, str],
    ids: Mapping[str, str],
) -> list[Picture]:
    """Pictures of each prompt, counted in order of their numbers."""
    pictures: list[Picture] = []
    counts: Counter[str] = Counter()
    for file, _ in sorted(files, key=lambda one: one.number):
        prompt_id = ids.get(texts.get(file.name, ""), PROMPT_ID)
        index = counts[prompt_id]
        pictures.append(
            Picture(file.folder, file.name, step, prompt_id, index, "only", notes=notes)
        )
        counts[prompt_id] += 1
    return pictures


def _find(picture: Picture, book: PromptBook) -> Prompt | Problem:
    return book.find(picture.prompt_id) or no_text_problem(picture, book, WHAT_TO_DO)


class _Numbered(NamedTuple):
    file: ListedFile
    number: int
    """In the picture's name."""


def _sort(file: ListedFile, step: int | None) -> _Numbered | Problem | Skipped:
    """A picture with its number, or what else a file is."""
    if file.folders or not file.is_picture:
        is_settings = file.name in (CARD, "hparams.yml")
        return file.skipped("settings" if is_settings else rule_by_suffix(file) or "not_a_sample")
    if _GRID.fullmatch(file.name):
        return Problem(
            file.path,
            "cut",
            "grid_not_cut",
            "it is a grid of several pictures, which is not taken apart yet; leave it out.",
        )
    match = _PICTURE.fullmatch(file.name)
    if match is None:
        rule = "conditioning_input" if file.name == "image_control.png" else "not_a_sample"
        return file.skipped(rule)
    if step is None:
        return Problem(
            file.path,
            "name",
            "no_step",
            "nothing says at which step it was made: neither a hparams.yml in the logs nor a "
            "checkpoint-<step> folder; put the pictures into a folder step_<number> to say it.",
        )
    return file.refused_step(step) or _Numbered(file, int(match[1]))


def _texts_to_ids(texts: Sequence[str]) -> dict[str, str]:
    """Distinct texts to ids. One text, the usual case, has the id `validation`."""
    distinct = list(dict.fromkeys(texts))
    if len(distinct) <= 1:
        return {text: PROMPT_ID for text in distinct}
    return {text: f"{PROMPT_ID}_{number}" for number, text in enumerate(distinct)}


def _picture_texts(card: Path, files: Iterable[ListedFile]) -> Mapping[str, str]:
    is_there = any(not file.folders and file.name == card.name for file in files)
    return _read_card(card).texts if is_there else {}


def _read_card(path: Path) -> _Card:
    """The card's front matter. One that cannot be read says nothing."""
    try:
        parts = re.split(r"(?m)^---\s*$", read_text(path, max_bytes=MAX_CARD_BYTES), maxsplit=2)
        values = text_to_yaml(parts[1]) if len(parts) == 3 and not parts[0].strip() else None
    except Unreadable:
        values = None
    if not isinstance(values, dict):
        return _Card(False, {})
    tags = values.get("tags")
    tags = tags if isinstance(tags, list) else []
    is_named = (
        values.get("library_name") == "diffusers"
        or "diffusers-training" in tags
        or "diffusers" in tags
    ) and "simpletuner" not in tags
    texts = {}
    widget = values.get("widget")
    for entry in widget if isinstance(widget, list) else []:
        output = entry.get("output") if isinstance(entry, dict) else None
        url = output.get("url") if isinstance(output, dict) else None
        text = entry.get("text") if isinstance(entry, dict) else None
        if isinstance(url, str) and isinstance(text, str) and _is_usable(text):
            texts[url.removeprefix("./")] = text
    return _Card(is_named, texts)


def _is_usable(text: str) -> bool:
    return bool(text.strip()) and text_problem(text) is None


def _read_logged_settings(
    files: Iterable[ListedFile],
) -> tuple[TrainerConfig | None, list[str]]:
    """The newest hparams.yml that accelerate's TensorBoard tracker wrote."""
    paths = [file.path for file in files if file.name == "hparams.yml"]
    if not paths:
        return None, []
    newest = max(paths, key=lambda path: (_folder_time(path), str(path)))
    try:
        return read_trainer_config(newest), []
    except Unreadable as error:
        return None, [f"{newest.name} is not used: {error}."]


def _folder_time(path: Path) -> float:
    try:
        return float(path.parent.name)
    except ValueError:
        return 0.0


def _last_step(
    config: TrainerConfig | None, files: Iterable[ListedFile]
) -> tuple[int | None, tuple[str, ...]]:
    planned = None if config is None else config.whole("max_train_steps")
    if planned is not None and planned > 0:
        return planned, ()
    matches = (_CHECKPOINT.fullmatch(file.folders[0]) for file in files if file.folders)
    steps = [int(match[1]) for match in matches if match is not None]
    return (max(steps), (CHECKPOINT_NOTE,)) if steps else (None, ())
