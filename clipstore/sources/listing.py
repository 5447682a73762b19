"""A folder tree to the files that a layout may look at, with one `scandir` per folder.

Invariant: every entry below the folder ends in exactly one of `files`, `skipped` and `problems`;
no link is followed, nothing but regular files is ever handed out, and every path handed out can
be written as UTF-8. Nothing is opened and nothing is stat'ed, so 100,000 names take about a second.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from clipstore.sources.listedfiles import ListedFile, ListedFolder
from clipstore.types import Problem, Skipped

Found = TypeVar("Found")
NamesByFolder = Mapping[Path, Collection[str]]
"""Names of files, by the folder that they lie in."""


class _Branch(NamedTuple):
    """A folder's own files and the folders in it, both by name."""

    place: ListedFolder
    names: list[str]
    below: dict[str, _Branch]


class ListedFiles(Iterable[ListedFile]):
    """The files of a tree, sorted by path, any number of times. Their names are held, and what is
    handed out is made for the occasion."""

    def __init__(self, root: _Branch) -> None:
        self._root = root

    def __iter__(self) -> Iterator[ListedFile]:
        open_branches = [_in_order(self._root)]
        while open_branches:
            coming = next(open_branches[-1], None)
            if coming is None:
                open_branches.pop()
            elif isinstance(coming, _Branch):
                open_branches.append(_in_order(coming))
            else:
                yield coming


@dataclass(frozen=True)
class TreeListing:
    """A folder and all below it."""

    files: ListedFiles
    skipped: tuple[Skipped, ...]
    problems: tuple[Problem, ...]

    def beside_samples(self) -> tuple[ListedFile, ...]:
        """The files that are no samples: texts, settings and the like."""
        return tuple(file for file in self.files if not file.is_sample)

    def names_beside_samples(self) -> NamesByFolder:
        """Their names."""
        names: dict[Path, set[str]] = {}
        for file in self.beside_samples():
            names.setdefault(file.folder, set()).add(file.name)
        return names


@dataclass(frozen=True)
class SortedTree(Generic[Found]):
    """A tree's files by what a layout made of each. The tree's own skipped files and problems are
    among them."""

    found: tuple[Found, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]


class FolderEntries(NamedTuple):
    """One folder's entries, sorted by name."""

    files: list[str]
    """Names."""
    folders: list[str]
    """Names."""
    skipped: list[Skipped]
    problems: list[Problem]


def list_tree(folder: Path, *, without: frozenset[Path] = frozenset()) -> TreeListing:
    """Everything below `folder` but for the folders in `without`, which are not entered."""
    skipped: list[Skipped] = []
    problems: list[Problem] = []
    root = _Branch(ListedFolder(folder, ()), [], {})
    waiting = [root]
    while waiting:
        branch = waiting.pop()
        here = branch.place
        entries = list_folder(here.path)
        skipped += entries.skipped
        problems += entries.problems
        branch.names.extend(entries.files)
        for name in entries.folders:
            below = here.path / name
            if below not in without:
                branch.below[name] = _Branch(ListedFolder(below, (*here.parts, name)), [], {})
        waiting += reversed(branch.below.values())
    return TreeListing(ListedFiles(root), tuple(skipped), tuple(problems))


def _in_order(branch: _Branch) -> Iterator[ListedFile | _Branch]:
    place, below = branch.place, branch.below
    if not below:
        yield from (ListedFile(place, name) for name in branch.names)
        return
    for name in heapq.merge(branch.names, below):
        yield below.get(name) or ListedFile(place, name)


def sort_tree(
    tree: TreeListing, sort: Callable[[ListedFile], Found | Problem | Skipped]
) -> SortedTree[Found]:
    """Every file with what `sort` says it is; each ends in one place."""
    found: list[Found] = []
    problems, skipped = list(tree.problems), list(tree.skipped)
    for file in tree.files:
        outcome = sort(file)
        if isinstance(outcome, Problem):
            problems.append(outcome)
        elif isinstance(outcome, Skipped):
            skipped.append(outcome)
        else:
            found.append(outcome)
    return SortedTree(tuple(found), tuple(problems), tuple(skipped))


def walk_folders(folder: Path) -> Iterator[tuple[Path, int]]:
    """(path, number of other entries in it) of `folder` and each one below, parents first."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        entries = list_folder(here)
        yield here, len(entries.files) + len(entries.skipped) + len(entries.problems)
        waiting += [here / name for name in reversed(entries.folders)]


def list_folder(folder: Path) -> FolderEntries:
    """One folder's entries by kind. A folder that cannot be read is a problem with its path."""
    found = FolderEntries([], [], [], [])
    try:
        with os.scandir(folder) as scan:
            # An entry takes three times the memory of its name.
            for entry in scan:
                _sort_in(entry, folder, found)
    except OSError as error:
        return FolderEntries([], [], [], [_folder_problem(folder, error)])
    found.files.sort()
    found.folders.sort()
    found.skipped.sort(key=lambda one: one.name)
    found.problems.sort(key=lambda one: one.path.name)
    return found


def _sort_in(entry: os.DirEntry[str], folder: Path, found: FolderEntries) -> None:
    try:
        if not _is_utf8(entry.name):
            found.problems.append(_name_problem(folder, entry.name))
        elif entry.is_symlink():
            found.skipped.append(Skipped(folder, entry.name, "symlink"))
        elif entry.is_dir(follow_symlinks=False):
            found.folders.append(entry.name)
        elif entry.is_file(follow_symlinks=False):
            found.files.append(entry.name)
        else:
            found.skipped.append(Skipped(folder, entry.name, "not_regular"))
    except OSError as error:  # some network file systems answer only to stat
        found.problems.append(_folder_problem(folder / entry.name, error))


def file_names(folder: Path) -> Iterator[str]:
    """Names of regular files directly in `folder`, unsorted, as they come: for a quick look.

    A folder that is missing or cannot be read has none.
    """
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                if entry.is_file(follow_symlinks=False):
                    yield entry.name
    except OSError:
        return


def is_own_folder(folder: Path) -> bool:
    """True for a folder that is no link: what `list_tree` would enter."""
    return folder.is_dir() and not folder.is_symlink()


def _is_utf8(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _name_problem(folder: Path, name: str) -> Problem:
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    return Problem(
        folder / name,
        "name",
        "name_not_utf8",
        f"its name is not UTF-8 (shown with escapes: {shown}); rename it, then ingest again.",
    )


def _folder_problem(folder: Path, error: OSError) -> Problem:
    if isinstance(error, PermissionError):
        return Problem(
            folder,
            "find",
            "permission",
            "no permission to list this folder, so its files are unknown; "
            "chmod u+rx it, then ingest again.",
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Problem(folder, "find", "vanished", "the folder was removed during the scan.", True)
    return Problem(
        folder, "find", "unreadable", f"the system would not list this folder: {error.strerror}."
    )
