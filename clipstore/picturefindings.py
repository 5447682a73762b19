"""What the pictures' vectors say of a run beside its scores, as values.

The field names are those of `pictures` in `clipstore verdict --format jsonl`. A distance is 1 minus
the cosine of two picture vectors: 0 for the same picture. Nothing here can stop a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PictureCode = Literal[
    "FROZEN",
    "SAME_AS_BASE",
    "MOVING_WHILE_FLAT",
    "DIVERSITY_FELL",
    "NEAR_DUPLICATES",
    "REPEATED_IMAGES",
    "AT_CHANCE",
    "PICTURES_OF_OTHER_PROMPTS",
    "CONTROL_MOVED",
]


@dataclass(frozen=True)
class PictureNote:
    """One thing worth a look."""

    code: PictureCode
    step: int | None
    """At which validation, or since which; None when it is about the run."""
    text: str
    """A sentence with its numbers."""


@dataclass(frozen=True)
class PictureStep:
    """The pictures of one validation. Means are over prompts; errors are standard errors of the
    mean over these prompts; None where there is nothing to compare with."""

    step: int
    n_prompts: int
    """Prompts with a picture that has a vector."""
    n_pictures: int
    from_base: float | None
    """Mean distance of each picture to the base model's picture of its prompt."""
    from_base_se: float | None
    from_previous: float | None
    """Mean distance to the same prompt's picture at the validation before."""
    from_previous_se: float | None
    diversity: float | None
    """Mean distance between pictures of different prompts; falls to 0 when all look the same."""
    diversity_se: float | None
    n_near_duplicates: int
    """Pictures that are nearly the same as one of another prompt."""
    n_repeats: int
    """Pictures that are nearly the same as another one of their own prompt."""
    own_cosine: float | None
    """Mean cosine of pictures with their own prompts; None without prompt vectors."""
    chance_cosine: float | None
    """Mean cosine of the same pictures with the other prompts of the step."""
    chance_sd: float | None
    """SD of the mean cosine when the step's prompts are dealt out to its pictures at random."""
    n_own_best: int | None
    """Prompts whose pictures fit no other prompt of the step better."""
    n_of_other_prompts: int
    """Prompts whose pictures look like, and fit, another prompt's."""
    control_distance: float | None
    """Mean distance of the base model's pictures to those of the first validation; 0 unless
    something besides the weights changed."""


@dataclass(frozen=True)
class PictureFindings:
    """What the stored vectors say of one run under one model."""

    notes: tuple[PictureNote, ...]
    steps: tuple[PictureStep, ...]
    reference_distance: float | None
    """What distances are measured by: the largest diversity that the run or its base model had."""
    frozen_since_step: int | None
    """First of at least three last validations with the same pictures."""
    moved_while_flat: float | None
    """Distance from the first to the last third of a plateau where pictures drift; else None."""
    diversity_fall: float | None
    """Share of its diversity that the run lost and did not win back; None when it did not fall."""
    mismatched_steps: tuple[int, ...]
    """Validations whose pictures seem to belong to other prompts."""
    scoring_jitter: float | None
    """SD over the validations of the base model's clip/mean, which should not change at all."""
    missing: tuple[str, ...]
    """What could not be looked at, and why, each one sentence."""
