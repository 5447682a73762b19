"""Nerogar's OneTrainer: pictures in samples/<number> - <prompt>/, prompts in its config/ files.

Invariant: a folder's name is the prompt's number and the first 32 letters of its text, and a text
is taken only when it makes that name: from the config saved last before the picture, then from any
other. So a prompt's id is the folder's name, and an edited prompt is another one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from clipstore.layouts import ReadContext
from clipstore.sources.listedfiles import ListedFile, name_problem, rule_by_suffix
from clipstore.sources.listing import file_names, list_folder, list_tree, sort_tree
from clipstore.sources.prompts import PromptBook
from clipstore.sources.promptversions import TextFinder, no_text_problem
from clipstore.sources.textfiles import Unreadable, read_text, text_problem, text_to_json
from clipstore.sources.trainerconfig import TrainerConfig, read_trainer_config
from clipstore.sources.trainings import (
    OtherFiles,
    Sampled,
    Training,
    split_trainings,
    trainings_to_contents,
)
from clipstore.types import Panel, Picture, Problem, Prompt, Run, RunContents, Skipped

NAME = "onetrainer"

SAMPLE_FOLDER = "samples"
CONFIG_FOLDER = "config"
NAME_LETTERS = 32
"""So many letters of a prompt make its folder's name."""
MAX_CONFIG_BYTES = 16 * 2**20
WHAT_TO_DO = (
    "Put OneTrainer's config/ folder beside samples/, or pass --prompts FILE: its texts are "
    "matched to the folders' names."
)

_FORM = "<time>-training-sample-<step>-<epoch>-<step of the epoch>.jpg"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}"
_PROMPT_FOLDER = re.compile(r"(?P<number>[0-9]{1,6}) -(?: (?P<name>.*?))?(?P<raw> - no-ema)?", re.S)
_SAMPLE = re.compile(
    rf"(?:(?P<prefix>.*?)(?P<time>{_TIME})-)?"
    r"training-sample-(?P<step>[0-9]+)-(?P<epoch>[0-9]+)-(?P<epoch_step>[0-9]+)\.\w+",
    re.S,
)
_CONFIG = re.compile(rf"(?P<prefix>.*?)(?P<time>{_TIME})\.json", re.S)
_BACKUP = re.compile(rf"(?P<prefix>.*?)(?P<time>{_TIME})-backup-.*", re.S)


class _Found(NamedTuple):
    """A sample before its panel is known."""

    file: ListedFile
    prompt_id: str
    is_raw: bool
    """In a no-ema folder: the weights themselves, not their average."""
    step: int
    epoch: int
    time: int
    prefix: str


class _Definitions(NamedTuple):
    """The sample prompts as one file has them."""

    time: int
    texts: tuple[str | None, ...]
    """By number; None where it is no usable text."""
    source: str


def claims(folder: Path) -> str | None:
    """A folder whose samples/ has a prompt's folder with a file of OneTrainer's name in it."""
    if SAMPLE_FOLDER not in list_folder(folder).folders:
        return None
    for prompt in list_folder(folder / SAMPLE_FOLDER).folders:
        if _PROMPT_FOLDER.fullmatch(prompt):
            for name in file_names(folder / SAMPLE_FOLDER / prompt):
                if _SAMPLE.fullmatch(name):
                    return f"{SAMPLE_FOLDER}/{prompt}/ holds OneTrainer's training samples"
    return None


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """One run per file name prefix and training."""
    tree = list_tree(folder, without=context.other_runs)
    files = sort_tree(tree, _sort)
    configs, definitions, advice = _read_configs(tree.files)
    uses_ema = any(config.text("ema") not in (None, "OFF") for _, config in configs)
    others = OtherFiles(files.problems, files.skipped)
    samples = _to_samples(files.found, uses_ema=uses_ema)
    del files
    plain = Run(context.run_name, folder, NAME, claims(folder) or f"--layout {NAME} asks for it")

    def find(training: Training) -> tuple[TextFinder, Run, Sequence[str]]:
        begun = training.samples[0].time
        before = [config for time, config in configs if time <= begun]
        config = before[-1] if before else configs[0][1] if configs else None
        run = replace(
            plain,
            planned_steps=_planned_steps(config, training),
            config={} if config is None else config.values,
        )
        return _text_finder(definitions, context.user_prompts), run, advice

    return trainings_to_contents(plain, split_trainings(samples), others, find, WHAT_TO_DO)


def prompt_to_name(text: str) -> str:
    """What OneTrainer makes of a prompt for a folder's name."""
    legal = "".join(letter for letter in text if letter.isalnum() or letter in " ._-#").strip()
    return _comparable(legal[:NAME_LETTERS])


def _comparable(name: str) -> str:
    return name.strip().rstrip(" .")  # Windows drops these from a folder's name


def _sort(file: ListedFile) -> _Found | Problem | Skipped:
    if file.parts[0] != SAMPLE_FOLDER:
        is_settings = file.parts[0] in (CONFIG_FOLDER, "backup") and not file.is_picture
        return file.skipped("settings" if is_settings else _rule(file))
    if file.parts[:2] == (SAMPLE_FOLDER, "custom"):
        return file.skipped("manual_sample")
    folder = _PROMPT_FOLDER.fullmatch(file.folders[1]) if len(file.folders) == 2 else None
    if folder is None:
        return file.skipped(_rule(file))
    other = rule_by_suffix(file, with_videos=True)
    if other is not None:
        return file.skipped(other)
    match = _SAMPLE.fullmatch(file.name)
    if match is None:
        return name_problem(file.path, _FORM, f"{SAMPLE_FOLDER}/{file.parts[1]}/")
    return file.refused_step(int(match["step"])) or _Found(
        file,
        sys.intern(f"{folder['number']} - {folder['name'] or ''}".strip()),
        folder["raw"] is not None,
        int(match["step"]),
        int(match["epoch"]),
        _to_number(match["time"]),
        sys.intern(match["prefix"] or ""),
    )


def _rule(file: ListedFile) -> str:
    return rule_by_suffix(file) or "not_a_sample"


def _to_number(time: str | None) -> int:
    return int(re.sub(r"\D", "", time)) if time else 0


def _to_samples(found: Sequence[_Found], *, uses_ema: bool) -> list[Sampled]:
    """With EMA on OneTrainer samples the averaged weights, and may sample the others beside."""
    has_raw = any(one.is_raw for one in found)
    notes = ("ema_weights",) if uses_ema and not has_raw else ()
    samples = []
    for one in found:
        panel: Panel = "ema" if has_raw and not one.is_raw else "base" if not one.step else "only"
        if one.is_raw and one.step:
            panel = "checkpoint"
        own_notes = notes if panel == "only" else ()
        picture = Picture(
            *(one.file.folder, one.file.name, one.step, one.prompt_id),
            *(0, panel, one.epoch),
            notes=own_notes,
        )
        samples.append(Sampled(picture, one.time, one.prefix))
    return samples


def _text_finder(definitions: Sequence[_Definitions], user_prompts: Sequence[Prompt]) -> TextFinder:
    def find(picture: Picture) -> Prompt | Problem:
        number, _, name = picture.prompt_id.partition(" -")
        wanted = _comparable(name)
        for given in user_prompts:
            if given.prompt_id == picture.prompt_id:
                return given
        given_texts = {one.text: one for one in user_prompts if prompt_to_name(one.text) == wanted}
        if len(given_texts) == 1:
            (one,) = given_texts.values()
            return replace(one, prompt_id=picture.prompt_id)
        match = _SAMPLE.fullmatch(picture.name)
        time = _to_number(match["time"]) if match else 0
        before = [one for one in definitions if one.time <= time]
        after = [one for one in definitions if one.time > time]
        for definition in (*reversed(before), *after):
            text = _matching_text(definition.texts, int(number), wanted)
            if text is not None:
                return Prompt(picture.prompt_id, text, definition.source)
        return no_text_problem(picture, PromptBook({}), WHAT_TO_DO)

    return find


def _matching_text(texts: Sequence[str | None], number: int, wanted: str) -> str | None:
    """The text that makes this folder name: the one of this number, else the only one."""
    fitting = {
        place: text
        for place, text in enumerate(texts)
        if text is not None and prompt_to_name(text) == wanted
    }
    if number in fitting:
        return fitting[number]
    return next(iter(fitting.values())) if len(set(fitting.values())) == 1 else None


def _read_configs(
    files: Iterable[ListedFile],
) -> tuple[list[tuple[int, TrainerConfig]], list[_Definitions], list[str]]:
    """Configs and sample lists by time, and what to tell the user."""
    configs: list[tuple[int, TrainerConfig]] = []
    definitions: list[_Definitions] = []
    advice: list[str] = []
    for file in files:
        in_config = _CONFIG.fullmatch(file.name) if file.parts[:-1] == (CONFIG_FOLDER,) else None
        in_backup = None
        if file.parts[0] == "backup" and file.parts[2:] == ("onetrainer_config", "samples.json"):
            in_backup = _BACKUP.fullmatch(file.parts[1])
        match = in_config or in_backup
        if match is None:
            continue
        try:
            value = text_to_json(read_text(file.path, max_bytes=MAX_CONFIG_BYTES))
            if in_config is not None:
                configs.append((_to_number(match["time"]), read_trainer_config(file.path)))
        except Unreadable as error:
            advice.append(f"{'/'.join(file.parts)} is not used: {error}.")
            continue
        listed = value.get("samples") if isinstance(value, dict) else value
        texts = tuple(_texts(listed))
        definitions.append(_Definitions(_to_number(match["time"]), texts, "/".join(file.parts)))
    configs.sort(key=lambda one: one[0])
    definitions.sort(key=lambda one: one.time)
    return configs, definitions, advice


def _texts(listed: object) -> Iterator[str | None]:
    for item in listed if isinstance(listed, list) else ():
        text = item.get("prompt") if isinstance(item, dict) else None
        yield text if isinstance(text, str) and text_problem(text) is None else None


def _planned_steps(config: TrainerConfig | None, training: Training) -> int | None:
    """Epochs of the config times the steps of one, which the samples' names give."""
    epochs = None if config is None else config.whole("epochs")
    lengths = {
        (int(match["step"]) - int(match["epoch_step"])) / int(match["epoch"])
        for one in training.samples
        if (match := _SAMPLE.fullmatch(one.picture.name)) and int(match["epoch"])
    }
    if not epochs or len(lengths) != 1:
        return None
    (length,) = lengths
    return int(length) * epochs if length == int(length) and length > 0 else None
