"""A run whose pictures are in a tracker's log alone: TensorBoard event files or W&B's run files.

Invariant: it is the last resort: a folder with a layout of its own, or inside a run, is never
claimed. The run's folder is the trainer's output folder where the log lies in its logs/, else the
log's own. The pictures come from the log later; here are the run and its settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clipstore.layouts import ReadContext
from clipstore.logged import LogPosition
from clipstore.logs import LogFormat, all_log_formats
from clipstore.sources.listedfiles import rule_by_suffix
from clipstore.sources.listing import file_names, is_own_folder, list_folder, list_tree
from clipstore.sources.textfiles import Unreadable
from clipstore.sources.trainerconfig import TrainerConfig, clean_settings, read_trainer_config
from clipstore.types import Run, RunContents

NAME = "tracker"

LOG_FOLDERS = ("logs", "tensorboard")
"""Where trainers put their trackers' folders, in the output folder."""
MAX_FOLDERS = 100
SETTINGS = "hparams.yml"


def claims(folder: Path) -> str | None:
    """A folder with a log that holds a picture, directly or in the one tracker's folder of its
    logs/. Several trackers' folders there are runs of their own."""
    own = _with_picture(folder)
    if own is None and (below := _tracker_folders(folder)):
        found = [path for path in map(_with_picture, below) if path is not None]
        own = found[0] if len(found) == 1 else None
    if own is None:
        return None
    return f"{own.relative_to(folder).as_posix()} holds pictures, and nothing else here does"


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """The one run in `folder`, without its pictures."""
    tree = list_tree(folder, without=context.other_runs)
    config, advice = _read_settings(
        folder, sorted(file.path for file in tree.files if file.name == SETTINGS)
    )
    skipped = [
        file.skipped(
            "settings" if file.name == SETTINGS else rule_by_suffix(file) or "not_a_sample"
        )
        for file in tree.files
    ]
    return (
        RunContents(
            Run(
                context.run_name,
                folder,
                NAME,
                claims(folder) or f"--layout {NAME} asks for it",
                TrainerConfig(folder, config).whole("max_train_steps"),
                config,
            ),
            (),
            (),
            tree.problems,
            (*tree.skipped, *skipped),
            tuple(advice),
        ),
    )


def _tracker_folders(folder: Path) -> list[Path]:
    """Folders below where trainers put their trackers' logs."""
    found = []
    for name in LOG_FOLDERS:
        below = folder / name
        if is_own_folder(below):
            found.append(below)
            found += [below / name for name in list_folder(below).folders[:MAX_FOLDERS]]
    return found


def _logs_in(folder: Path) -> Iterator[tuple[Path, LogFormat]]:
    formats = all_log_formats()
    for name in sorted(file_names(folder)):
        for form in formats:
            if form.is_log(name):
                yield folder / name, form


def _with_picture(folder: Path) -> Path | None:
    """The first log directly in the folder that holds a picture."""
    for path, form in _logs_in(folder):
        try:
            if any(chunk.pictures for chunk in form.read(path, LogPosition())):
                return path
        except Unreadable:
            continue  # it is said where the log is read
    return None


def _read_settings(folder: Path, found: list[Path]) -> tuple[dict[str, object], list[str]]:
    """The last hparams.yml of those found, else what the logs themselves say of settings."""
    for path in reversed(found):
        try:
            return dict(read_trainer_config(path).values), []
        except Unreadable as error:
            return {}, [f"{path.relative_to(folder)} is not used: {error}."]
    settings: dict[str, object] = {}
    logs = [log for place in (folder, *_tracker_folders(folder)) for log in _logs_in(place)]
    for path, form in logs:
        try:
            for chunk in form.read(path, LogPosition()):
                settings |= clean_settings(chunk.settings)
        except Unreadable:
            continue  # it is said where the log is read
    return settings, []
