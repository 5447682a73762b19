"""Names of the sample pictures of kohya's trainers, sd-scripts and musubi-tuner.

Invariant: a name has one reading or none. The two trainers share the stem and differ in the end:
musubi-tuner adds a frame, and a picture's frame is always 000, which no seed is ever written as.
Names have a step or an epoch, never both; `e000000` is the sample before training.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

_NUMBER = r"(?:e(?P<epoch>[0-9]{6,12})|(?P<step>[0-9]{6,12}))"
_INDEX = r"(?P<index>[0-9]{2,6})"
_TIME = r"(?P<time>20[0-9]{2}[01][0-9][0-3][0-9][0-2][0-9][0-5][0-9][0-6][0-9])"
_OUTPUT = r"(?:(?P<output>.*)_)?"
_STEM = rf"{_OUTPUT}{_NUMBER}_{_INDEX}_{_TIME}"
_SEED = r"(?:_(?P<seed>[0-9]+))?"

_CURRENT = re.compile(rf"{_STEM}{_SEED}\.png", re.S)
_BEFORE_2024_02 = re.compile(rf"{_OUTPUT}{_TIME}_{_NUMBER}_{_INDEX}{_SEED}\.png", re.S)
_MUSUBI_PICTURE = re.compile(rf"{_STEM}{_SEED}_000\.png", re.S)
_MUSUBI_VIDEO = re.compile(rf"{_STEM}{_SEED}\.mp4", re.S)
_MUSUBI_KANDINSKY = re.compile(rf"sample_(?P<step>[0-9]{{6,12}})_{_INDEX}\.png")
"""Its video beside it is left alone: the picture is its first frame."""


class SampleName(NamedTuple):
    """What a name says."""

    output_name: str
    """The trainer's --output_name; empty without. Trainings share a folder and differ in it."""
    step: int | None
    """None where the name has the epoch."""
    epoch: int | None
    prompt_number: int
    """Position of the prompt in the trainer's prompt file, from 0."""
    time: int
    """Local time as YYYYMMDDhhmmss; 0 where the name has none."""


def parse_sd_scripts(name: str) -> SampleName | None:
    """The reading of a name by sd-scripts, of either form (the time moved on 2024-02-03)."""
    if _MUSUBI_PICTURE.fullmatch(name):
        return None
    match = _CURRENT.fullmatch(name) or _BEFORE_2024_02.fullmatch(name)
    return None if match is None else _match_to_name(match)


def parse_musubi(name: str) -> SampleName | None:
    """The reading of a name by musubi-tuner, pictures and videos."""
    match = (
        _MUSUBI_PICTURE.fullmatch(name)
        or _MUSUBI_VIDEO.fullmatch(name)
        or _MUSUBI_KANDINSKY.fullmatch(name)
    )
    return None if match is None else _match_to_name(match)


def _match_to_name(match: re.Match[str]) -> SampleName:
    groups = match.groupdict()
    step, epoch = groups["step"], groups.get("epoch")
    return SampleName(
        sys.intern(groups.get("output") or ""),
        None if step is None else int(step),
        None if epoch is None else int(epoch),
        int(groups["index"]),
        int(groups.get("time") or 0),
    )
