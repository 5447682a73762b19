"""How trainers name the pictures in their logs, and how these namings are found: by listing this
folder.

Invariant: a file here is a naming and nothing else is. It has a `NAME` and a `read` that takes the
logged pictures it surely knows and leaves the others alone; what nobody takes is skipped by a
stated rule. To add one, copy onetrainer.py; nothing else changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from clipstore.logged import LoggedPicture
from clipstore.types import Picture, Problem, Prompt, RunContents

DATED_NOTE = "step_by_the_log"
"""Noted of a picture whose step is that of the numbers logged about then, not one that the trainer
gave it."""


@dataclass(frozen=True)
class RunFacts:
    """What is known of the run whose pictures they are."""

    contents: RunContents
    """As the layout read its files."""
    user_prompts: tuple[Prompt, ...]
    """From --prompts FILE."""
    search_root: Path
    """The folder that was given to clipstore."""


@dataclass(frozen=True)
class TagReading:
    """What one naming makes of a run's logged pictures."""

    pictures: Mapping[Path, tuple[Picture, ...] | Problem] = field(default_factory=dict)
    """By the logged picture's path: the pictures in it, several for a grid."""
    prompts: tuple[Prompt, ...] = ()
    """Texts that the log or its settings give. The run's own files and the user's win."""
    dated_before: frozenset[Path] = frozenset()
    """Those whose step may be before that of the same picture's file: W&B gives a picture that is
    logged before its step's numbers the step of the last numbers."""
    variants: Mapping[Path, str] = field(default_factory=dict)
    """Those that show the weights of another variant (`Run.variant`) of the run; empty text stands
    for the run itself."""


class Tagging(Protocol):
    """A module of this package. The members are module-level names."""

    NAME: str

    def read(self, logged: Sequence[LoggedPicture], facts: RunFacts) -> TagReading:
        """Those of `logged` that this trainer named."""


def all_taggings() -> tuple[Tagging, ...]:
    """Every naming, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(cast(Tagging, importlib.import_module(f"{__name__}.{name}")) for name in names)
