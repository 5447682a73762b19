"""OneTrainer's TensorBoard pictures: "sample3 - a red square", the folder's name of its files.

Invariant: the prompt's id is that of the files, its number and the first letters of its text; with
EMA the log has two pictures under one tag and step, and only the files tell them apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from clipstore.logged import LoggedPicture
from clipstore.taggings import RunFacts, TagReading
from clipstore.types import Panel, Picture, Problem

NAME = "onetrainer"

_TAG = re.compile(r"sample(?P<number>[0-9]{1,6}) - (?P<name>.*)", re.S)


def read(logged: Sequence[LoggedPicture], facts: RunFacts) -> TagReading:
    """As `Tagging.read`."""
    matches = {one.path: match for one in logged if (match := _TAG.fullmatch(one.tag))}
    counts = Counter((one.tag, one.step) for one in logged if one.path in matches)
    pictures: dict[Path, tuple[Picture, ...] | Problem] = {}
    for one in logged:
        match = matches.get(one.path)
        if match is None:
            continue
        if counts[one.tag, one.step] > 1:
            detail = (
                "the log has several pictures under this tag and step, which are of the weights "
                "and of their average in no stated order; keep OneTrainer's samples/ folder."
            )
            pictures[one.path] = Problem(one.path, "name", "ambiguous_in_log", detail)
        else:
            prompt_id = f"{match['number']} - {match['name']}".strip()
            panel: Panel = "only" if one.step else "base"
            place = (one.path.parent, one.path.name)
            pictures[one.path] = (Picture(*place, one.step, prompt_id, 0, panel),)
    return TagReading(pictures)
