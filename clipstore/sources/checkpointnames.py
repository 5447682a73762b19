"""The step or epoch that trainers write into the names of their checkpoints.

Invariant: only a trainer's own form counts; other digits in a name mean nothing.
"""

from __future__ import annotations

import re
from pathlib import PureWindowsPath
from typing import NamedTuple

_WEIGHTS = re.compile(r"\.(?:safetensors|ckpt|pt|pth|bin|sft|gguf)$", re.I)
_FORMS = (
    re.compile(r"(?P<base>.+)-step(?P<step>[0-9]{8})"),  # sd-scripts, musubi-tuner
    re.compile(r"(?P<base>.+)-(?P<epoch>[0-9]{6})"),  # the same, by epoch
    re.compile(r"(?P<base>.+)_(?P<step>[0-9]{9})"),  # ai-toolkit
    re.compile(
        r"(?P<base>.*?)-?[0-9-]{10}_[0-9-]{8}-save-(?P<step>[0-9]+)-[0-9]+-[0-9]+"
    ),  # OneTrainer
    re.compile(r"(?P<base>.+?)[-_ ]?step[-_ ]?(?P<step>[0-9]{1,10})"),
)
_CHECKPOINT_FOLDER = re.compile(r"checkpoint-(?P<step>[0-9]{1,10})")


class CheckpointName(NamedTuple):
    """A checkpoint's name taken apart."""

    base: str
    """What all checkpoints of the training share."""
    step: int | None
    epoch: int | None

    @property
    def is_numbered(self) -> bool:
        return self.step is not None or self.epoch is not None


def parse_checkpoint_name(name: str) -> CheckpointName:
    """A name or path, as a tool gives it, of a LoRA or a model."""
    path = PureWindowsPath(name)  # takes both kinds of slash
    stem = _WEIGHTS.sub("", path.name)
    for form in _FORMS:
        match = form.fullmatch(stem)
        if match is not None:
            groups = match.groupdict()
            step, epoch = groups.get("step"), groups.get("epoch")
            return CheckpointName(
                groups["base"],
                None if step is None else int(step),
                None if epoch is None else int(epoch),
            )
    for folder in path.parts[:-1]:  # diffusers, SimpleTuner
        match = _CHECKPOINT_FOLDER.fullmatch(folder)
        if match is not None:
            place = path.parts.index(folder)
            return CheckpointName(
                path.parts[place - 1] if place else stem, int(match["step"]), None
            )
    return CheckpointName(stem, None, None)
