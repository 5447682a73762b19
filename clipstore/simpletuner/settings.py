"""Where a SimpleTuner run's settings and prompt libraries lie, and which of them count.

Invariant: what the trainer wrote beside its results beats what a user keeps elsewhere, and a file
outside the run's own folder counts only when it names this run or no run at all. Order: the run's
simpletuner_config.json, the newest checkpoint's, config.* in the run and its config/, config.* in
parent folders up to the one given to clipstore, and last the metrics log's own few settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from clipstore.sources.textfiles import Unreadable
from clipstore.sources.trainerconfig import TrainerConfig, read_trainer_config
from clipstore.types import Size

SAVED_CONFIG = "simpletuner_config.json"
USER_CONFIGS = ("config.json", "config.toml", "config.env")
METRICS_MANIFEST = "training_metrics.json"
MAX_ENVIRONMENTS = 200
"""config/<name>/config.json files looked at in one parent folder."""

_TELLING_KEYS = frozenset(
    {
        "data_backend_config",
        "disable_benchmark",
        "ema_validation",
        "max_train_steps",
        "model_family",
        "output_dir",
        "tracker_run_name",
        "use_ema",
        "user_prompt_library",
    }
)
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,12})(?:-rolling)?")

FilesByParts = Mapping[tuple[str, ...], Path]
"""Files below the run's folder, by their path's parts below it."""


@dataclass(frozen=True)
class FoundConfig:
    """The settings that count for a run, if any."""

    config: TrainerConfig | None
    advice: tuple[str, ...]
    """What could not be read, for the user."""


@dataclass(frozen=True)
class DrawnPanels:
    """What the config says is drawn into every picture; None where it does not say."""

    ema: bool | None
    base: bool | None
    conditioning: bool | None
    is_ema_only: bool
    """The checkpoint's panel shows the averaged weights."""


def find_config(folder: Path, files: FilesByParts, search_root: Path) -> FoundConfig:
    """The best settings file of the run in `folder`."""
    advice: list[str] = []
    for path, must_name_run in _candidates(folder, files, search_root):
        try:
            config = read_trainer_config(path)
        except Unreadable as error:
            advice.append(f"{_shown(path, folder)} is not used: {error}.")
            continue
        if _is_simpletuner(config) and (
            folder in path.parents or _is_for(config, folder, must_name_run)
        ):
            return FoundConfig(config, tuple(advice))
    return FoundConfig(_manifest_config(files), tuple(advice))


def checkpoint_files(files: FilesByParts, name: str) -> list[tuple[int, Path]]:
    """(step, path) of files of this name directly in checkpoint-<step> folders, by step."""
    return sorted(
        (int(match[1]), path)
        for parts, path in files.items()
        if len(parts) == 2
        and parts[1] == name
        and (match := _CHECKPOINT.fullmatch(parts[0])) is not None
    )


def newest_checkpoint_first(files: FilesByParts, name: str) -> list[Path]:
    """The same paths, the highest step first."""
    return [path for _, path in reversed(checkpoint_files(files, name))]


def find_library(value: str, folder: Path, config: TrainerConfig, search_root: Path) -> Path | None:
    """The file that the setting `user_prompt_library` means. Trainers store it relative to the
    folder they were started in, which nobody records: every likely one is tried, and last the
    bare file name."""
    given = Path(value)
    starts = [
        folder,
        config.path.parent,
        config.path.parent.parent,
        *folders_up_to(folder, search_root),
    ]
    tries = [given] if given.is_absolute() else [start / given for start in starts]
    tries += [start / below / given.name for start in starts for below in ("", "config")]
    return next((path for path in tries if is_own_file(path)), None)


def folders_up_to(folder: Path, search_root: Path) -> tuple[Path, ...]:
    """The parents of `folder`, nearest first, up to and with `search_root`; none above it."""
    if search_root not in folder.parents:
        return ()
    return tuple(
        parent
        for parent in folder.parents
        if parent == search_root or search_root in parent.parents
    )


def is_own_file(path: Path) -> bool:
    """True for a regular file that is no link. False, too, for names the system refuses."""
    try:
        return path.is_file() and not path.is_symlink()
    except (OSError, ValueError):
        return False


def config_to_sizes(config: TrainerConfig | None) -> tuple[Size, ...]:
    """`validation_resolution` as sizes: "1024", "1024x768" or several with commas."""
    value = None if config is None else config.values.get("validation_resolution")
    sizes = []
    for part in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
        for word in str(part).lower().split(","):
            match = re.fullmatch(r"\s*([0-9]{1,6})(?:x([0-9]{1,6}))?\s*", word)
            if match is not None:
                sizes.append(Size(int(match[1]), int(match[2] or match[1])))
    return tuple(dict.fromkeys(sizes))


def config_to_planned_steps(config: TrainerConfig | None) -> int | None:
    """`max_train_steps`; where it is absent or 0 or -1, which mean "by epochs", the epochs times
    the steps of one, which the trainer adds to the settings it saves. None when neither is there.
    """
    if config is None:
        return None
    steps = config.whole("max_train_steps")
    if steps is not None and steps > 0:
        return steps
    epochs, per_epoch = config.whole("num_train_epochs"), config.whole("num_update_steps_per_epoch")
    if epochs is None or per_epoch is None or min(epochs, per_epoch) <= 0:
        return None
    return epochs * per_epoch


def config_to_drawn_panels(config: TrainerConfig | None) -> DrawnPanels:
    """`use_ema`, `ema_validation`, `disable_benchmark` and the conditioning settings."""
    if config is None:
        return DrawnPanels(None, None, None, False)
    use_ema, mode = config.flag("use_ema"), config.text("ema_validation")
    ema: bool | None = None
    if use_ema is False or config.values.get("ema_validation") == "none":
        ema = False
    elif use_ema:
        ema = mode in (None, "comparison")  # "comparison" is the trainer's default
    no_benchmark = config.flag("disable_benchmark")
    side = config.text("validation_stitch_input_location")
    has_input = any(
        config.values.get(key) and config.flag(key) is not False
        for key in ("validation_using_datasets", "validation_input")
    )
    controls = bool(config.flag("controlnet") or config.flag("control"))
    drawn = controls or (has_input and side in (None, "left"))
    # Edit models draw their input without a setting that says so: absence proves nothing.
    return DrawnPanels(
        ema,
        None if no_benchmark is None else not no_benchmark,
        True if drawn else None,
        bool(use_ema) and mode == "ema_only",
    )


def _candidates(
    folder: Path, files: FilesByParts, search_root: Path
) -> Iterator[tuple[Path, bool]]:
    """(path, whether it counts only if it names this run), best first."""
    inside = [(SAVED_CONFIG,), ("pipeline", SAVED_CONFIG)]
    yield from ((files[parts], False) for parts in inside if parts in files)
    yield from ((path, False) for path in newest_checkpoint_first(files, SAVED_CONFIG))
    users = [(name,) for name in USER_CONFIGS] + [("config", name) for name in USER_CONFIGS]
    yield from ((files[parts], False) for parts in users if parts in files)
    for parent in folders_up_to(folder, search_root):
        for below in (parent, parent / "config"):
            for name in (SAVED_CONFIG, *USER_CONFIGS):
                if is_own_file(below / name):
                    yield below / name, name == SAVED_CONFIG
        for path in _environment_configs(parent / "config"):
            yield path, True


def _environment_configs(folder: Path) -> list[Path]:
    """config/<environment>/config.*, as SimpleTuner's ENV variable chooses them."""
    try:
        below = sorted(path for path in folder.iterdir() if path.is_dir())[:MAX_ENVIRONMENTS]
    except OSError:
        return []
    return [path / name for path in below for name in USER_CONFIGS if is_own_file(path / name)]


def _is_simpletuner(config: TrainerConfig) -> bool:
    """A diffusers model folder has a config.json as well; it names a class."""
    return "_class_name" not in config.values and any(
        key in _TELLING_KEYS or key.startswith("validation_") for key in config.values
    )


def _is_for(config: TrainerConfig, folder: Path, must_name_run: bool) -> bool:
    """Whether a settings file outside the run's folder is about this run."""
    output = config.text("output_dir")
    if output is None:
        return not must_name_run
    return PurePath(output).name == folder.name


def _manifest_config(files: FilesByParts) -> TrainerConfig | None:
    """The few settings that SimpleTuner's metrics log repeats, `max_train_steps` among them."""
    path = files.get((METRICS_MANIFEST,))
    if path is None:
        return None
    try:
        values = read_trainer_config(path).values.get("config")
    except Unreadable:
        return None
    return TrainerConfig(path, values) if isinstance(values, dict) and values else None


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if folder in path.parents else str(path)
