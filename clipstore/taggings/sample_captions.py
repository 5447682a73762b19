"""W&B pictures of kohya's trainers and of ai-toolkit: "sample_3" with the prompt as caption.

Invariant: the prompt's id is its number, as in their files' names. These trainers log a picture
before the numbers of its step, so that W&B may give it the step of the numbers before: it is the
next file's of its prompt, if that came before the next picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from clipstore.logged import LoggedPicture
from clipstore.taggings import DATED_NOTE, RunFacts, TagReading
from clipstore.types import Panel, Picture, Prompt

NAME = "sample_captions"

_TAG = re.compile(r"sample_(?P<number>[0-9]{1,6})")


def read(logged: Sequence[LoggedPicture], facts: RunFacts) -> TagReading:
    """As `Tagging.read`."""
    pictures: dict[Path, tuple[Picture, ...]] = {}
    prompts: dict[str, Prompt] = {}
    for one in logged:
        match = _TAG.fullmatch(one.tag)
        if match is None:
            continue
        prompt_id = str(int(match["number"]))
        panel: Panel = "only" if one.step else "base"
        place = (one.path.parent, one.path.name)
        picture = Picture(*place, one.step, prompt_id, one.item, panel, notes=(DATED_NOTE,))
        pictures[one.path] = (picture,)
        if one.caption is not None:
            prompts[prompt_id] = Prompt(prompt_id, one.caption, "caption in the log")
    return TagReading(pictures, tuple(prompts.values()), frozenset(pictures))
