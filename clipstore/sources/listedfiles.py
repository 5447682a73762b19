"""One listed file, and what its name alone says of it: a picture, a film, or neither, and why.

Invariant: nothing is opened; only the name counts, upper or lower case alike.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import NamedTuple

from clipstore.types import Problem, Skipped

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


SCORED_VIDEO_SUFFIX = ".mp4"
"""Videos of which frames are scored; an animated WebP is a picture by its name."""


VIDEO_SUFFIXES = frozenset({".mp4", ".gif", ".webm", ".mov", ".avi"})


AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".m4a"})


MAX_STEP = 2**31 - 1
"""What a name may give as a step."""


class ListedFolder(NamedTuple):
    """A folder that was listed, itself or below it."""

    path: Path
    parts: tuple[str, ...]
    """Names from the folder that was listed to this one, its own last; empty for that one."""


class ListedFile(NamedTuple):
    """A regular file below the folder that was listed."""

    place: ListedFolder
    """One object for all files of the folder."""
    name: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.place.path

    @property
    def path(self) -> Path:
        return self.place.path / self.name

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders below the one that was listed, the innermost last."""
        return self.place.parts

    @property
    def parts(self) -> tuple[str, ...]:
        """The same and the file's own name."""
        return (*self.place.parts, self.name)

    @property
    def is_picture(self) -> bool:
        """By its name's ending, upper or lower case: PNG, JPEG or WebP."""
        return has_picture_suffix(self.name)

    @property
    def is_sample(self) -> bool:
        """A picture, or a video of which frames are scored, by its name's ending."""
        return self.is_picture or self.name.lower().endswith(SCORED_VIDEO_SUFFIX)

    def skipped(self, rule: str) -> Skipped:
        """This file, left alone by a rule."""
        return Skipped(self.place.path, self.name, rule)

    def refused_step(self, step: int) -> Problem | None:
        """This file, if its step is one that no store holds."""
        return step_problem(self.path, step) if step > MAX_STEP else None


def has_picture_suffix(name: str) -> bool:
    """True for PNG, JPEG and WebP by the name's ending."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES  # noqa: PTH122 - 20x faster


def rule_by_suffix(file: ListedFile, *, with_videos: bool = False) -> str | None:
    """Why a file among pictures is none, or None for a picture; `with_videos` also for a video of
    which frames are scored."""
    if file.is_picture:
        return None
    suffix = PurePath(file.name).suffix.lower()
    if file.name.endswith((".tmp", ".tmp.mp4")):
        return "temporary_file"
    if with_videos and file.is_sample:
        return None
    if suffix in VIDEO_SUFFIXES:
        return "video_not_scored_yet"
    if suffix in AUDIO_SUFFIXES:
        return "audio_not_scored"
    return "not_a_picture"


def name_problem(path: Path, form: str, place: str) -> Problem:
    """A picture whose name is not of the `form` that its `place` asks for."""
    return Problem(
        path,
        "name",
        "name_not_understood",
        f"it is not named as the trainer names samples, {form}; rename it, or move it out of "
        f"{place}.",
    )


def step_problem(path: Path, step: int) -> Problem | None:
    """A step that no store holds; None for every other."""
    if step <= MAX_STEP:
        return None
    return Problem(
        path,
        "name",
        "step_out_of_range",
        f"its name says step {step}; steps end at {MAX_STEP:,}. Rename it.",
    )
