"""ostris' ai-toolkit: pictures in samples/, prompts in the config.yaml that it saves beside them.

Invariant: a prompt's id is its number in that config, whose list the trainer itself numbers; the
text beside a picture wins where there is one. Every start rewrites the config, so a list that is
longer or shorter than a validation was is not used for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from clipstore.layouts import ReadContext
from clipstore.sources.listedfiles import ListedFile, name_problem, rule_by_suffix
from clipstore.sources.listing import NamesByFolder, file_names, is_own_folder, list_tree, sort_tree
from clipstore.sources.positions import finder_by_position
from clipstore.sources.promptversions import TextFinder
from clipstore.sources.textbeside import read_text_beside, text_name
from clipstore.sources.textfiles import Unreadable
from clipstore.sources.trainerconfig import TrainerConfig, read_trainer_config
from clipstore.sources.trainings import (
    OtherFiles,
    Sampled,
    Training,
    split_trainings,
    trainings_to_contents,
)
from clipstore.types import Picture, Problem, Prompt, Run, RunContents, Skipped

NAME = "ai_toolkit"

SAMPLE_FOLDER = "samples"
CONFIG = "config.yaml"
WHAT_TO_DO = "Put the trainer's config.yaml beside samples/, or pass --prompts FILE with these ids."

_FORM = "<milliseconds>__<step>_<prompt>.jpg"
_SAMPLE = re.compile(
    r"(?P<time>[0-9]{13})__(?P<step>[0-9]{6,12})_(?P<number>[0-9]{1,6})\.(?P<suffix>\w{3,4})"
)


class _Settings(NamedTuple):
    config: TrainerConfig | None
    process: Mapping[str, object]
    """The training job's part of the config."""
    texts: tuple[str, ...]
    first_texts: tuple[str, ...]
    """The texts of step 0 where the config has others for it; else empty."""
    advice: tuple[str, ...]


def claims(folder: Path) -> str | None:
    """A folder whose samples/ has a file with ai-toolkit's name."""
    samples = folder / SAMPLE_FOLDER
    if not is_own_folder(samples) or not any(map(_SAMPLE.fullmatch, file_names(samples))):
        return None
    return f"{SAMPLE_FOLDER}/ holds files named as ai-toolkit names them"


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """The training in `folder`, or several where the steps begin anew."""
    tree = list_tree(folder, without=context.other_runs)
    beside = tree.names_beside_samples()
    settings = _read_settings(folder / CONFIG if CONFIG in beside.get(folder, ()) else None)
    notes = ("ema_weights",) if _uses_ema(settings.process) else ()
    files = sort_tree(tree, lambda file: _sort(file, notes))
    trainings = split_trainings(files.found)
    run = Run(
        context.run_name,
        folder,
        NAME,
        claims(folder) or f"--layout {NAME} asks for it",
        _planned_steps(settings.process),
        {} if settings.config is None else settings.config.values,
    )

    def find(training: Training) -> tuple[TextFinder, Run, Sequence[str]]:
        return _text_finder(training, settings, context.user_prompts, beside), run, settings.advice

    others = OtherFiles(files.problems, files.skipped)
    return trainings_to_contents(run, trainings, others, find, WHAT_TO_DO)


def _sort(file: ListedFile, notes: tuple[str, ...]) -> Sampled | Problem | Skipped:
    folders = file.folders
    if ".thumbs" in folders:
        return file.skipped("thumbnail")
    if ".tmp" in folders:
        return file.skipped("temporary_file")
    if folders != (SAMPLE_FOLDER,):
        rule = "settings" if file.parts == (CONFIG,) else rule_by_suffix(file)
        return file.skipped(rule or "not_a_sample")
    match = _SAMPLE.fullmatch(file.name)
    if not file.is_sample or (match is None and not file.is_picture):
        is_prompt = match is not None and match["suffix"] == "txt"
        return file.skipped("prompt_text" if is_prompt else rule_by_suffix(file) or "")
    if match is None:
        return name_problem(file.path, _FORM, f"{SAMPLE_FOLDER}/")
    step = int(match["step"])
    picture = Picture(
        file.folder,
        file.name,
        step,
        sys.intern(str(int(match["number"]))),
        0,
        "only" if step else "base",  # 0: sampled before training
        notes=notes if step else (),
    )
    return file.refused_step(step) or Sampled(picture, int(match["time"]))


def _text_finder(
    training: Training,
    settings: _Settings,
    user_prompts: Sequence[Prompt],
    beside: NamesByFolder,
) -> TextFinder:
    regular = finder_by_position(settings.texts, CONFIG, user_prompts, training, WHAT_TO_DO)
    first = regular
    if settings.first_texts:
        source = f"{CONFIG}, first_sample"
        first = finder_by_position(settings.first_texts, source, user_prompts, training, WHAT_TO_DO)

    def find(picture: Picture) -> Prompt | Problem:
        own = text_name(picture)
        if own in beside.get(picture.folder, ()):
            return read_text_beside(picture, own)
        return (regular if picture.step else first)(picture)

    return find


def _read_settings(path: Path | None) -> _Settings:
    if path is None:
        return _Settings(None, {}, (), (), ())
    try:
        config = read_trainer_config(path)
    except Unreadable as error:
        return _Settings(None, {}, (), (), (f"{path.name} is not used: {error}.",))
    jobs = _at(config.values, "config").get("process")
    process = next(
        (job for job in jobs if isinstance(job, dict) and "sample" in job)
        if isinstance(jobs, list)
        else iter(()),
        {},
    )
    trigger = process.get("trigger_word")
    texts = _sample_texts(_at(process, "sample"), trigger)
    # Without this setting the regular samples of step 0 are made after the first ones.
    has_first = "first_sample" in process and _at(process, "train").get("skip_first_sample")
    first = _sample_texts(_at(process, "first_sample"), trigger) if has_first else ()
    return _Settings(config, process, texts, first, ())


def _sample_texts(sample: Mapping[str, object], trigger: object) -> tuple[str, ...]:
    """The texts as the trainer gives them to its encoder, in the order of its numbers."""
    items = sample.get("samples", sample.get("prompts"))
    if not isinstance(items, list):
        return ()
    texts = []
    for item in items:
        text = item.get("prompt") if isinstance(item, dict) else item
        if isinstance(text, str):
            if isinstance(trigger, str):
                text = text.replace("[trigger]", trigger).replace("[name]", trigger)
            texts.append(text.strip().split("--")[0].strip())
    return tuple(texts)


def _uses_ema(process: Mapping[str, object]) -> bool:
    return _at(_at(process, "train"), "ema_config").get("use_ema") is True


def _planned_steps(process: Mapping[str, object]) -> int | None:
    steps = _at(process, "train").get("steps")
    return steps if isinstance(steps, int) and steps > 0 else None


def _at(values: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}
