"""Where a training of kohya's trainers keeps its prompts and settings.

Invariant: the trainers themselves record neither prompts nor settings beside the pictures; what
there is comes from kohya_ss, the graphical front end (a config per start, with its time in the
name, and sample/prompt.txt), from users who keep their prompt file in the output folder, and from
the checkpoints' metadata. A config counts for the training that was started with it: the newest
one before the first picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PureWindowsPath

from clipstore.sources.safetensorsheader import read_metadata
from clipstore.sources.sampleprompts import lines_to_texts, read_sample_prompts
from clipstore.sources.textfiles import Unreadable
from clipstore.sources.trainerconfig import TrainerConfig, read_trainer_config
from clipstore.sources.trainings import Training

SAMPLE_FOLDER = "sample"
PROMPT_FILES = (
    (SAMPLE_FOLDER, "prompt.txt"),
    *(
        (f"{stem}.{suffix}",)
        for stem in ("prompt", "sample_prompts", "sample_prompt", "prompts")
        for suffix in ("txt", "toml", "json")
    ),
)
"""Looked for in the output folder in this order; the first one there is used."""
MAX_CONFIGS = 200
MAX_SETTING_CHARACTERS = 2000
"""Longer metadata are lists of training captions."""

_STAMP = re.compile(r"([0-9]{8})-([0-9]{6})")
_PROMPT_SUFFIXES = (".txt", ".toml", ".json")

FilesByParts = Mapping[tuple[str, ...], Path]
"""Files below the run's folder, by their path's parts below it."""


@dataclass(frozen=True)
class FoundPrompts:
    """A training's prompt list."""

    texts: tuple[str, ...]
    """In the trainer's order; empty when there is no list."""
    source: str
    advice: tuple[str, ...]
    """What could not be read, for the user."""


@dataclass(frozen=True)
class StartConfig:
    """A config that kohya_ss wrote at a start."""

    config: TrainerConfig
    time: int | None
    """YYYYMMDDhhmmss by its name; None without."""

    @property
    def output_name(self) -> str:
        return self.config.text("output_name") or ""


def read_start_configs(files: FilesByParts) -> tuple[StartConfig, ...]:
    """All configs directly in the output folder, the newest first."""
    found = []
    names = [parts for parts in files if len(parts) == 1 and parts[0].endswith((".toml", ".json"))]
    for parts in sorted(names, reverse=True)[:MAX_CONFIGS]:
        if parts in PROMPT_FILES:
            continue
        try:
            config = read_trainer_config(files[parts])
        except Unreadable:
            continue  # any .json may lie here; only what has these two settings is a config
        if config.has("output_name") and config.has("sample_prompts"):
            stamp = _STAMP.search(parts[0])
            time = None if stamp is None else int(stamp[1] + stamp[2])
            found.append(StartConfig(config, time))
    return tuple(sorted(found, key=lambda one: one.time or 0, reverse=True))


def configs_of(training: Training, configs: tuple[StartConfig, ...]) -> tuple[TrainerConfig, ...]:
    """The configs that may be the training's, the likeliest first."""
    begun = training.samples[0].time
    return tuple(
        one.config
        for one in configs
        if one.output_name == training.output_name and (one.time is None or one.time <= begun)
    )


def find_prompts(files: FilesByParts, configs: tuple[TrainerConfig, ...]) -> FoundPrompts:
    """The prompt list of a training whose configs are given."""
    advice: list[str] = []
    for config in configs:
        value = config.text("sample_prompts")
        if value is None:
            continue
        if "\n" not in value and value.endswith(_PROMPT_SUFFIXES):
            path = _find_named(value, files)
            if path is None:
                advice.append(
                    f"{config.path.name} names the prompt file {value!r}, which is not here; "
                    "pass it with --prompts FILE."
                )
                continue
            texts = _read(path, advice)
        else:
            texts = lines_to_texts(value)  # the text of the front end's prompt box
            path = config.path
        if texts:
            return FoundPrompts(texts, path.name, tuple(advice))
    for parts in PROMPT_FILES:
        if parts in files and (texts := _read(files[parts], advice)):
            return FoundPrompts(texts, "/".join(parts), tuple(advice))
    return FoundPrompts((), "", tuple(advice))


def find_metadata(files: FilesByParts, output_name: str) -> dict[str, object]:
    """The settings that the newest checkpoint of this output name carries, as "ss_…" texts."""
    stem = re.compile(rf"{re.escape(output_name or 'last')}(?:-(?:step)?([0-9]{{6,8}}))?")
    numbered = []
    for parts, path in files.items():
        if len(parts) == 1 and path.suffix == ".safetensors":
            match = stem.fullmatch(path.stem)
            if match is not None:
                numbered.append((match[1] is None, int(match[1] or 0), path))
    if not numbered:
        return {}
    metadata = read_metadata(max(numbered)[2])
    return {
        key: value
        for key, value in sorted(metadata.items())
        if key.startswith("ss_") and len(value) <= MAX_SETTING_CHARACTERS
    }


def planned_validations_end(values: Mapping[str, object], *, by_epoch: bool) -> int | None:
    """The last step, or the last epoch where pictures are counted in epochs; None when unknown."""
    config = TrainerConfig(Path(), values)
    if by_epoch:
        end = config.whole("ss_num_epochs") or config.whole("max_train_epochs")
    else:
        end = config.whole("ss_max_train_steps")
        if end is None and not config.whole("max_train_epochs"):  # epochs overrule steps
            end = config.whole("max_train_steps")
    return end if end is not None and end > 0 else None


def _find_named(value: str, files: FilesByParts) -> Path | None:
    """The prompt file that a config names, here or where it says. Front ends run on Windows too."""
    windows = "\\" in value or value[1:2] == ":"
    name = (PureWindowsPath if windows else PurePath)(value).name
    for parts in ((SAMPLE_FOLDER, name), (name,)):
        if parts in files:
            return files[parts]
    try:
        path = Path(value)
        return path if path.is_absolute() and path.is_file() else None
    except (OSError, ValueError):
        return None


def _read(path: Path, advice: list[str]) -> tuple[str, ...]:
    try:
        return read_sample_prompts(path)
    except Unreadable as error:
        advice.append(f"{path.name} is not used for prompts: {error}.")
        return ()
