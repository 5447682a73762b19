"""An output folder of kohya's trainers to runs: one per output name and training.

Invariant: the position in a run's curve is the optimizer step, or the epoch where the trainer
sampled by epochs and so wrote no step; the two never mix in one run. A prompt's id is its number
in the prompt file, the only thing that a name says of it, and each picture carries that as a note.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from clipstore.kohya.names import SampleName
from clipstore.kohya.settings import (
    PROMPT_FILES,
    SAMPLE_FOLDER,
    configs_of,
    find_metadata,
    find_prompts,
    planned_validations_end,
    read_start_configs,
)
from clipstore.sources.listedfiles import ListedFile, name_problem, rule_by_suffix
from clipstore.sources.listing import file_names, is_own_folder, list_tree, sort_tree
from clipstore.sources.positions import finder_by_position
from clipstore.sources.promptversions import TextFinder
from clipstore.sources.sampleprompts import user_prompts_to_samples
from clipstore.sources.trainings import (
    OtherFiles,
    Sampled,
    Training,
    split_trainings,
    trainings_to_contents,
)
from clipstore.types import Picture, Problem, Prompt, Run, RunContents, Skipped

BY_POSITION_NOTE = "prompt_by_position"
EPOCH_NOTE = "step_is_epoch"
WHAT_TO_DO = (
    "The trainer does not keep its prompt file: pass it with --prompts FILE, or put it into the "
    "output folder as sample_prompts.txt."
)

_NOTES = (BY_POSITION_NOTE,)
_NOTES_BY_EPOCH = (BY_POSITION_NOTE, EPOCH_NOTE)

NameParser = Callable[[str], SampleName | None]


def has_samples(folder: Path, parse: NameParser) -> bool:
    """Whether sample/ has a name that the trainer wrote."""
    samples = folder / SAMPLE_FOLDER
    return is_own_folder(samples) and any(parse(name) for name in file_names(samples))


def read_output_folder(
    plain: Run,
    other_runs: frozenset[Path],
    user_prompts: Sequence[Prompt],
    parse: NameParser,
    form: str,
) -> tuple[RunContents, ...]:
    """All trainings that wrote into the folder of `plain`, a run without a variant.

    `form` is how the trainer names samples, for messages.
    """
    tree = list_tree(plain.root, without=other_runs)
    files = {file.parts: file.path for file in tree.beside_samples()}
    sorted_files = sort_tree(tree, lambda file: _sort(file, parse, form))
    samples, mixed = _part_mixed(sorted_files.found)
    others = OtherFiles((*sorted_files.problems, *mixed), sorted_files.skipped)
    del sorted_files
    trainings = split_trainings(samples)
    del samples
    configs = read_start_configs(files)
    user = user_prompts_to_samples(user_prompts)

    def find(training: Training) -> tuple[TextFinder, Run, Sequence[str]]:
        own = configs_of(training, configs)
        prompts = find_prompts(files, own)
        finder = finder_by_position(prompts.texts, prompts.source, user, training, WHAT_TO_DO)
        is_newest = training is [t for t in trainings if t.output_name == training.output_name][-1]
        values = dict(own[0].values) if own else {}
        if is_newest:  # a later training under the same name overwrites the checkpoints
            values |= find_metadata(files, training.output_name)
        by_epoch = any(EPOCH_NOTE in one.picture.notes for one in training.samples)
        described = replace(
            plain,
            config=values,
            planned_steps=planned_validations_end(values, by_epoch=by_epoch),
        )
        return finder, described, [*prompts.advice, *_advice_on_epochs(by_epoch)]

    return trainings_to_contents(plain, trainings, others, find, WHAT_TO_DO)


def _sort(file: ListedFile, parse: NameParser, form: str) -> Sampled | Problem | Skipped:
    if file.parts in PROMPT_FILES:
        return file.skipped("prompt_text")
    if file.folders != (SAMPLE_FOLDER,):
        return file.skipped("not_a_sample" if file.is_picture else "not_a_picture")
    name = parse(file.name)
    other = rule_by_suffix(file, with_videos=name is not None)
    if other is not None:
        return file.skipped(other)
    if name is None:
        return name_problem(file.path, form, f"{SAMPLE_FOLDER}/")
    return file.refused_step(name.step or name.epoch or 0) or _to_sample(file, name)


def _to_sample(file: ListedFile, name: SampleName) -> Sampled:
    step = name.epoch if name.step is None else name.step
    picture = Picture(
        file.folder,
        file.name,
        step or 0,
        sys.intern(str(name.prompt_number)),
        0,
        "only" if step else "base",  # 0: sampled before training
        name.epoch,
        notes=_NOTES_BY_EPOCH if name.epoch else _NOTES,
    )
    return Sampled(picture, name.time, name.output_name)


def _part_mixed(found: Sequence[Sampled]) -> tuple[list[Sampled], list[Problem]]:
    """Samples by epoch are problems where the others of their output are by step."""
    by_step = {one.output_name for one in found if one.picture.step and not one.picture.epoch}
    samples: list[Sampled] = []
    problems: list[Problem] = []
    for one in found:
        if one.picture.epoch and one.output_name in by_step:
            problems.append(_mixed_problem(one.picture.path, one.picture.epoch))
        else:
            samples.append(one)
    return samples, problems


def _mixed_problem(path: Path, epoch: int) -> Problem:
    return Problem(
        path,
        "name",
        "epoch_beside_steps",
        f"it was sampled at the end of epoch {epoch}, the run's other pictures by step, and no "
        "file says at which step that epoch ended; leave it out, or rename it with its step.",
    )


def _advice_on_epochs(by_epoch: bool) -> Iterable[str]:
    if by_epoch:
        yield "the trainer sampled by epochs: what is called a step here is an epoch."
