"""Copies in a checkpoint's assets/ and in the model card's: which picture each one is.

Invariant: nothing is a copy by its place alone. A file is one when it has a picture's size in bytes
and its last bytes, which of a PNG are checksums over all pixels; names say nothing, because the
trainer numbers these files by the order of another listing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from clipstore.sources.listedfiles import SCORED_VIDEO_SUFFIX, has_picture_suffix
from clipstore.types import Skipped

COPY_RULE = "copy_of_picture"
ASSETS = "assets"

FULL_MODEL = "pipeline"
"""Where a run of a whole model has its model card."""

_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,18})(?:-rolling)?")
_STEP = re.compile(r"step_([0-9]{1,18})_")
_END_BYTES = 4096


class _Content(NamedTuple):
    """What equal files have in common."""

    n_bytes: int
    end: bytes


def tell_copies(
    skipped: Iterable[Skipped], root: Path, pictures: Sequence[str], folder: Path
) -> Iterator[Skipped]:
    """The skipped files of the run at `root`, copies with the picture that they are a copy of.

    `pictures` are the names in `folder`. Those of the checkpoint's step are compared; with the
    model card's files, which come last, those of the last step.
    """
    originals = _Originals(pictures, folder)
    for one in skipped:
        step = _step(one, root, originals)
        yield one if step is None else _told(one, step, originals.of_step(step), root)


class _Originals:
    """The pictures by step and content; nothing is opened before it is asked for."""

    def __init__(self, pictures: Sequence[str], folder: Path) -> None:
        self._pictures = pictures
        self._folder = folder
        self._found: dict[int, dict[_Content, Path]] = {}

    @cached_property
    def _names(self) -> dict[int, list[str]]:
        names: dict[int, list[str]] = {}
        for name in self._pictures:
            match = _STEP.match(name)
            if match is not None:
                names.setdefault(int(match[1]), []).append(name)
        return names

    @property
    def last_step(self) -> int:
        """-1 when there is no picture."""
        return max(self._names, default=-1)

    def of_step(self, step: int) -> Mapping[_Content, Path]:
        if step not in self._found:
            found = self._found[step] = {}
            for name in self._names.get(step, ()):
                content = _content(self._folder / name)
                if content is not None:
                    found.setdefault(content, self._folder / name)
        return self._found[step]


def _step(one: Skipped, root: Path, originals: _Originals) -> int | None:
    """The step of the pictures that such a file may be a copy of; None for other files."""
    if one.folder.name != ASSETS or not _is_sample(one.name):
        return None
    above = one.folder.parent
    match = _CHECKPOINT.fullmatch(above.name)
    if match is not None and above.parent == root:
        return int(match[1])
    return originals.last_step if above in (root, root / FULL_MODEL) else None


def _is_sample(name: str) -> bool:
    return has_picture_suffix(name) or name.lower().endswith(SCORED_VIDEO_SUFFIX)


def _content(path: Path) -> _Content | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _END_BYTES))
            return _Content(size, file.read(_END_BYTES)) if size else None
    except OSError:
        return None


def _told(one: Skipped, step: int, pictures: Mapping[_Content, Path], root: Path) -> Skipped:
    content = _content(one.path)
    original = None if content is None else pictures.get(content)
    if original is None:
        return replace(one, detail=f"no picture of step {step} has its bytes")
    detail = f"same picture as {original.relative_to(root).as_posix()}"
    return replace(one, rule=COPY_RULE, detail=detail, copy_of=original)
