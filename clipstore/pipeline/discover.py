"""A folder to the runs in it: every folder is offered to every layout.

Invariant: a run owns everything below its folder but for other runs there (SimpleTuner's default
output folder often holds both its own pictures and further runs), so every file below the root
ends in exactly one place: pictures, problems or skipped of one run, or of the outline itself.
Nothing is guessed: two layouts that claim one folder are an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipstore.errors import (
    LayoutConflict,
    LayoutUnknown,
    NothingFound,
    PathMissing,
    PathNotText,
    PatternError,
)
from clipstore.layouts import Layout, ReadContext, all_layouts
from clipstore.logfiles.wandbfolders import later_parts
from clipstore.pipeline.findlogs import log_owner
from clipstore.sources.listing import list_tree, walk_folders
from clipstore.sources.pattern import PathPattern
from clipstore.sources.textfiles import text_problem
from clipstore.types import Problem, Prompt, RunContents, Skipped

OUTSIDE_RULE = "not_in_a_run"
PATTERN_LAYOUT = "pattern"
TRACKER_LAYOUT = "tracker"
"""For runs whose pictures are in logs alone: it claims nothing inside or above another run."""
LEVELS_UP = 2
"""How far above the given folder a run is looked for, to name it in the message."""


@dataclass(frozen=True)
class Outline:
    """What is below one folder, its runs not read yet."""

    root: Path
    """Absolute, links resolved."""
    skipped: tuple[Skipped, ...]
    """Files outside every run."""
    problems: tuple[Problem, ...]
    """Folders and names outside every run that could not be used."""
    _claimed: Mapping[Path, Layout]
    folders: tuple[Path, ...]
    """The folders of the runs, sorted."""
    user_prompts: tuple[Prompt, ...]
    """From --prompts FILE, for what is found later too: pictures in logs."""
    _pattern: PathPattern | None

    def runs(self) -> Iterator[RunContents]:
        """The runs in order, as `runs_by_folder` reads them."""
        for runs in self.runs_by_folder():
            yield from runs
            del runs  # before the next ones are read

    def runs_by_folder(self) -> Iterator[tuple[RunContents, ...]]:
        """The runs of one folder after the other, read when their turn comes: who lets go of them
        before the next needs memory for the largest folder only."""
        inner = _runs_within(self._claimed)
        for folder in self.folders:
            context = ReadContext(
                _run_name(folder, self.root),
                self.user_prompts,
                self.root,
                frozenset(inner.get(folder, ())),
                self._pattern,
            )
            yield self._claimed[folder].read(folder, context)


def outline(
    root: Path,
    *,
    layout: str | None = None,
    pattern: PathPattern | None = None,
    user_prompts: tuple[Prompt, ...] = (),
    only_of: Collection[Path] | None = None,
) -> Outline:
    """Where the runs in `root` and below are. `layout` is the only one tried when given; with a
    `pattern` nothing is tried, and everything below `root` is read by it. With `only_of`, absolute
    paths of files, only the runs that these belong to count, and of what lies outside of runs only
    such a log among them as is called after a run.

    A run is named by its folder's path below `root`; if `root` itself is a run, by its own name.

    Raises `PathMissing` when `root` is no folder or lies inside a run, `NothingFound` when no
    layout claims anything, `LayoutConflict` when two claim one folder; `PatternMismatch`, when a
    picture does not fit the pattern, comes when its run is read.
    """
    if pattern is not None and layout not in (None, PATTERN_LAYOUT):
        raise PatternError(pattern.text, f"it reads every run, so leave out --layout {layout}")
    layouts = _chosen_layouts(PATTERN_LAYOUT if pattern is not None else layout)
    root = _to_folder(root)
    claimed = {root: layouts[0]} if pattern is not None else _claim_folders(root, layouts)
    skipped: tuple[Skipped, ...] = ()
    problems: tuple[Problem, ...] = ()
    if root not in claimed and only_of is None:
        outside = list_tree(root, without=frozenset(claimed))
        problems = outside.problems
        skipped = (
            *outside.skipped,
            *(file.skipped(OUTSIDE_RULE) for file in outside.files),
        )
    chosen: Collection[Path] = claimed
    if only_of is not None:
        chosen, logs = _owners(only_of, root, claimed)
        skipped = tuple(Skipped(path.parent, path.name, OUTSIDE_RULE) for path in logs)
    return Outline(root, skipped, problems, claimed, tuple(sorted(chosen)), user_prompts, pattern)


def _runs_within(claimed: Collection[Path]) -> dict[Path, list[Path]]:
    """For each run that holds further runs, these."""
    within: dict[Path, list[Path]] = {}
    for folder in claimed:
        for parent in folder.parents:
            if parent in claimed:
                within.setdefault(parent, []).append(folder)
    return within


def _chosen_layouts(name: str | None) -> tuple[Layout, ...]:
    layouts = all_layouts()
    chosen = tuple(one for one in layouts if name in (None, one.NAME))
    if not chosen:
        raise LayoutUnknown(name or "", [one.NAME for one in layouts])
    return chosen


def _to_folder(root: Path) -> Path:
    if not root.is_dir():
        raise PathMissing(root, "a folder")
    folder = root.resolve()
    if text_problem(str(folder)) is not None:
        raise PathNotText(folder)
    return folder


def _claim_folders(root: Path, layouts: Sequence[Layout]) -> dict[Path, Layout]:
    claimed: dict[Path, Layout] = {}
    seen_at_first = 0
    last_resort = [one for one in layouts if one.NAME == TRACKER_LAYOUT]
    others = [one for one in layouts if one.NAME != TRACKER_LAYOUT]
    logged: dict[Path, Layout] = {}
    for folder, n_entries in walk_folders(root):
        seen_at_first += n_entries
        claim = _claim_folder(folder, others)
        if claim is not None:
            claimed[folder] = claim
        elif not _is_inside(folder, claimed) and not _is_inside(folder, logged):
            for one in last_resort:
                if one.claims(folder) is not None:
                    logged[folder] = one
    not_runs = {parent for folder in claimed for parent in folder.parents} | later_parts(logged)
    claimed |= {folder: one for folder, one in logged.items() if folder not in not_runs}
    if not claimed:
        _refuse(root, layouts, seen_at_first)
    return claimed


def _is_inside(folder: Path, runs: Mapping[Path, Layout]) -> bool:
    return any(parent in runs for parent in folder.parents)


def _claim_folder(folder: Path, layouts: Sequence[Layout]) -> Layout | None:
    claims = [(one, reason) for one in layouts if (reason := one.claims(folder)) is not None]
    if len(claims) > 1:
        raise LayoutConflict(folder, [(one.NAME, reason) for one, reason in claims])
    return claims[0][0] if claims else None


def _owners(
    files: Collection[Path], root: Path, claimed: Collection[Path]
) -> tuple[set[Path], list[Path]]:
    """The innermost claimed folder around each of these files, where there is one; and the logs
    that lie in none and are called after one, which is their owner."""
    owners, logs = set(), []
    for file in files:
        owner = next((parent for parent in file.parents if parent in claimed), None)
        if owner is None and (owner := log_owner(file, root, claimed)) is not None:
            logs.append(file)
        if owner is not None:
            owners.add(owner)
    return owners, sorted(logs)


def _run_name(folder: Path, root: Path) -> str:
    if folder == root:
        return root.name or "root"
    return folder.relative_to(root).as_posix()


def _refuse(root: Path, layouts: Sequence[Layout], seen_files: int) -> None:
    """Raise the error that says most about why there is nothing."""
    for parent in list(root.parents)[:LEVELS_UP]:
        for one in layouts:
            if one.claims(parent) is not None:
                raise PathMissing(root, f"a run but a part of one; pass {parent} instead")
    tried = [one.NAME for one in layouts if one.NAME != PATTERN_LAYOUT]
    raise NothingFound(root, seen_files, tried)
