"""A SimpleTuner folder's files, sorted by what their place and name make of them.

Invariant: every file given goes into exactly one of pictures, base pictures, problems and skipped,
and each rule that skips has a name that says why.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from clipstore.simpletuner.logs import MEDIA_LOG, MediaLog
from clipstore.simpletuner.names import (
    COUNTER_ID,
    INDEXED_SINCE,
    BaseReading,
    NameEvidence,
    Reading,
    base_name_to_reading,
    name_to_readings,
    resolve_names,
    split_adapter,
)
from clipstore.simpletuner.pictures import BaseFile, NamedFile
from clipstore.simpletuner.prompts import OWN_IDS, SINGLE_ID, RunPrompts
from clipstore.sources.listedfiles import MAX_STEP, ListedFile, rule_by_suffix
from clipstore.sources.trainerconfig import TrainerConfig
from clipstore.types import Problem, Prompt, Skipped

PICTURES = "validation_images"
BASE_PICTURES = ("benchmarks", "base_model")

_SETTINGS = re.compile(
    rf"{re.escape(MEDIA_LOG)}|training_metrics\.jsonl?|README\.md|simpletuner_config\.json"
    r"|config\.(?:json|toml|env)|user_prompt_library.*\.json"
)


@dataclass(frozen=True)
class SortedFiles:
    """All files of the folder."""

    pictures: tuple[str, ...]
    """Names in validation_images/ that have at least one reading."""
    folder: Path
    """Where these pictures are."""
    base: tuple[tuple[Path, BaseReading], ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class NamedFiles:
    """The pictures with their prompt ids and adapters."""

    pictures: tuple[NamedFile, ...]
    base: tuple[BaseFile, ...]
    guessed: tuple[str, ...]
    """Names that could be read in two ways and that only their numbering decided."""

    @property
    def slugs(self) -> set[str]:
        """The adapters that any picture shows; "" stands for the run's own weights."""
        return {file.slug for file in self.pictures} | {file.slug for file in self.base}


def sort_files(files: Iterable[ListedFile]) -> SortedFiles:
    """Sort by place and name; nothing is opened."""
    pictures: list[str] = []
    folder = Path()
    base: list[tuple[Path, BaseReading]] = []
    problems: list[Problem] = []
    skipped: list[Skipped] = []
    outcome: str | BaseReading | Problem | Skipped
    for file in files:
        if file.folders == (PICTURES,):
            outcome = _picture_name(file)
        elif file.folders == BASE_PICTURES:
            outcome = _base_name(file)
        else:
            outcome = file.skipped(_rule_by_place(file))
        if isinstance(outcome, Problem):
            problems.append(outcome)
        elif isinstance(outcome, Skipped):
            skipped.append(outcome)
        elif isinstance(outcome, BaseReading):
            base.append((file.path, outcome))
        else:
            pictures.append(outcome)
            folder = file.folder
    return SortedFiles(tuple(pictures), folder, tuple(base), tuple(problems), tuple(skipped))


def name_files(
    files: SortedFiles,
    prompts: RunPrompts,
    user_prompts: Collection[Prompt],
    config: TrainerConfig | None,
    log: MediaLog,
) -> NamedFiles:
    """Decide between readings and take prompt ids and adapters apart."""
    known = {*prompts.book.by_id, *prompts.book.refused, *OWN_IDS}
    evidence = NameEvidence(
        media_rows=log.rows,
        known_ids=known,
        base_ids={reading.shortname for _, reading in files.base},
        is_older=lambda name: _was_written_before_indices(files.folder / name),
    )
    resolved = resolve_names(files.pictures, evidence)
    if _compares_adapters(config):
        # Without texts the pictures of the run itself, which have no suffix, tell the ids.
        shortnames = [reading.shortname for reading in resolved.readings.values()]
        known |= {name for name in (*shortnames, *evidence.base_ids) if "__" not in name}
    given = {prompt.prompt_id for prompt in user_prompts}
    counter_is_single = _counter_is_single(resolved.readings.values(), prompts, given, config)
    pictures = []
    for name, reading in resolved.readings.items():
        if reading.form == "counter":
            chosen = _counter_file(files.folder, name, reading, given, counter_is_single)
        else:
            prompt_id, slug = split_adapter(reading.shortname, known)
            chosen = NamedFile(files.folder, name, reading, prompt_id, slug)
        pictures.append(chosen)
    base = []
    for path, base_reading in files.base:
        prompt_id, slug = split_adapter(base_reading.shortname, known)
        base.append(BaseFile(path, prompt_id, base_reading.label, slug))
    return NamedFiles(tuple(pictures), tuple(base), resolved.guessed)


def _picture_name(file: ListedFile) -> str | Problem | Skipped:
    other = rule_by_suffix(file, with_videos=True)
    if other is not None:
        return file.skipped(other)
    readings = name_to_readings(file.name)
    if not readings:
        return Problem(
            file.path,
            "name",
            "name_not_understood",
            "it is not named as SimpleTuner names pictures, step_<number>_<prompt>_<index>_"
            "<width>x<height>.png; rename it, or move it out of validation_images/.",
        )
    if readings[0].step > MAX_STEP:
        return Problem(
            file.path,
            "name",
            "step_out_of_range",
            f"its name says step {readings[0].step}; steps end at {MAX_STEP:,}. Rename it.",
        )
    return file.name


def _base_name(file: ListedFile) -> BaseReading | Problem | Skipped:
    other = rule_by_suffix(file, with_videos=True)
    if other is not None:
        return file.skipped(other)
    return base_name_to_reading(file.name) or Problem(
        file.path,
        "name",
        "name_not_understood",
        "it is not named as SimpleTuner names the base model's pictures, "
        "<prompt>_<width>x<height>.png; rename it, or move it out of benchmarks/base_model/.",
    )


def _rule_by_place(file: ListedFile) -> str:
    """Why a file outside the two picture folders is left alone."""
    top, folders = file.parts[0], file.folders
    rules = (
        ("thumbnail", ".thumbs" in folders),
        ("temporary_file", ".tmp" in folders or file.name.endswith(".tmp")),
        ("checkpoint_folder", top.startswith("checkpoint-") and bool(folders)),
        ("model_card_assets", "assets" in folders),
        ("settings", len(folders) <= 1 and _SETTINGS.fullmatch(file.name) is not None),
        ("not_a_picture", not file.is_picture),
        ("other_benchmark", top == "benchmarks"),
    )
    return next((rule for rule, holds in rules if holds), "not_a_validation_picture")


def _was_written_before_indices(path: Path) -> bool:
    try:
        return path.stat().st_mtime < INDEXED_SINCE.timestamp()
    except OSError:
        return False


def _compares_adapters(config: TrainerConfig | None) -> bool:
    """`validation_adapter_path`, `validation_adapter_config` and their like name adapters."""
    return config is not None and any(
        key.startswith("validation_adapter_") and bool(config.values[key])
        for key in config.values
        if key not in ("validation_adapter_mode", "validation_adapter_strength")
    )


def _counter_is_single(
    readings: Iterable[Reading],
    prompts: RunPrompts,
    given: Collection[str],
    config: TrainerConfig | None,
) -> bool:
    """Whether numbered pictures of 2023 all show the one `validation_prompt`.

    Their number counts over all prompts and images, so it is certain only when the user gives
    that prompt, or when each step has just the pictures that one prompt makes.
    """
    if SINGLE_ID in given:
        return True
    if config is None or prompts.has_library or prompts.book.find(SINGLE_ID) is None:
        return False
    per_prompt = config.whole("num_validation_images") or 1
    per_step = Counter(reading.step for reading in readings if reading.form == "counter")
    return all(count == per_prompt for count in per_step.values())


def _counter_file(
    folder: Path, name: str, reading: Reading, given: Collection[str], is_single: bool
) -> NamedFile:
    numbered = f"{COUNTER_ID}_{reading.image_index}"
    if is_single and numbered not in given:
        return NamedFile(folder, name, reading, SINGLE_ID)
    return NamedFile(folder, name, reading._replace(image_index=0), numbered)
