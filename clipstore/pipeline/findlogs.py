"""Which log belongs to which run.

Invariant: a log belongs to one run or to none, never to two. In a run's folder it is that run's;
where several runs share the folder, or the log lies outside of all, its path must name the one: by
a folder called after the run's, or as a W&B folder with the id of one beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipstore.logfiles.wandbfolders import WandbRun, folder_to_run
from clipstore.logs import LogFormat, all_log_formats
from clipstore.types import Run, RunContents, Skipped


@dataclass(frozen=True)
class RunLog:
    """A log and whose it is."""

    run: Run
    path: Path
    format: LogFormat


@dataclass(frozen=True)
class FoundLogs:
    """All logs of some runs."""

    logs: tuple[RunLog, ...]
    """By run, then by path."""
    unowned: tuple[Path, ...]
    """Logs in a folder that several runs share, of which none is named."""


LogsByFolder = Mapping[Path, Sequence[tuple[Path, LogFormat]]]
"""Logs that lie outside of all runs, by the folder of the run that they are called after."""


def logs_outside(skipped: Iterable[Skipped], root: Path, folders: Iterable[Path]) -> LogsByFolder:
    """Whose the logs are among files outside of all runs; `folders` are those of the runs."""
    by_key = _folders_by_key(folders)
    found: dict[Path, list[tuple[Path, LogFormat]]] = {}
    for path, form in _logs_among(skipped, all_log_formats()):
        owner = _named_folder(path, root, by_key)
        if owner is not None:
            found.setdefault(owner, []).append((path, form))
    return found


def log_owner(path: Path, root: Path, folders: Iterable[Path]) -> Path | None:
    """The run's folder that a log outside of all runs is called after; None for other files."""
    if not any(form.is_log(path.name) for form in all_log_formats()):
        return None
    return _named_folder(path, root, _folders_by_key(folders))


def find_logs(runs: Sequence[RunContents], outside: LogsByFolder) -> FoundLogs:
    """The logs of all runs of some folders."""
    formats = all_log_formats()
    by_folder: dict[Path, list[Run]] = {}
    for contents in runs:
        by_folder.setdefault(contents.run.root, []).append(contents.run)
    candidates = [
        (path, form, contents.run.root)
        for contents in runs
        for path, form in _logs_among(contents.skipped, formats)
    ]
    candidates += [
        (path, form, folder) for folder in by_folder for path, form in outside.get(folder, ())
    ]
    logs: list[RunLog] = []
    unowned: list[Path] = []
    for path, form, folder in candidates:
        owner = _owner(path, by_folder[folder])
        if owner is None:
            unowned.append(path)
        else:
            logs.append(RunLog(owner, path, form))
    order = {contents.run.run_id: place for place, contents in enumerate(runs)}
    logs.sort(key=lambda log: (order[log.run.run_id], log.path))
    return FoundLogs(tuple(logs), tuple(unowned))


def holds_logs(contents: RunContents) -> bool:
    """Whether there are logs among the run's files."""
    return any(True for _ in _logs_among(contents.skipped, all_log_formats()))


def _logs_among(
    skipped: Iterable[Skipped], formats: Sequence[LogFormat]
) -> Iterator[tuple[Path, LogFormat]]:
    for one in skipped:
        form = next((form for form in formats if form.is_log(one.path.name)), None)
        if form is not None and one.rule not in ("symlink", "not_regular"):
            yield one.path, form


def _owner(path: Path, candidates: Sequence[Run]) -> Run | None:
    """Of several runs in a folder the plain one, else the one that a folder of the log names."""
    if len(candidates) == 1:
        return candidates[0]
    plain = [run for run in candidates if not run.variant]
    if plain:
        return plain[0]
    named = [
        run for run in candidates if any(part.startswith(run.variant) for part in path.parts[:-1])
    ]
    longest = max((len(run.variant) for run in named), default=0)
    named = [run for run in named if len(run.variant) == longest]
    return named[0] if len(named) == 1 else None


def _folders_by_key(folders: Iterable[Path]) -> dict[str | WandbRun, list[Path]]:
    """By name, and of W&B's folders by their run."""
    by_key: dict[str | WandbRun, list[Path]] = {}
    for folder in dict.fromkeys(folders):
        for key in (folder.name, folder_to_run(folder)):
            if key is not None:
                by_key.setdefault(key, []).append(folder)
    return by_key


def _named_folder(
    path: Path, root: Path, by_key: Mapping[str | WandbRun, Sequence[Path]]
) -> Path | None:
    """The run's folder that one of the log's own folders is called after, the innermost."""
    for folder in path.parents:
        if folder == root:
            break
        for key in (folder_to_run(folder), folder.name):
            folders = () if key is None else by_key.get(key, ())
            if folders:
                return folders[0] if len(folders) == 1 else None
    return None
