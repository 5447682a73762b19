"""Every constant of the findings from vectors, each with its reason.

Invariant: distances are judged as shares of the distance between pictures of different prompts
(`reference`), because CLIP models spread their picture vectors differently: .9 apart in one, .4 in
another. So no constant belongs to a model.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PictureRules:
    """Shares are 0 to 1; "validations" are steps with pictures."""

    min_prompts: int = 8
    """Fewer are no basis for a mean over pairs; the numbers are given, no note is made."""
    same_share: float = 0.01
    """Pictures this near are called the same: a hundredth of the way to another prompt's picture.
    Saving the demo's pictures as JPEG of quality 50 moves them .0004 of it."""
    frozen_validations: int = 3
    """Two equal validations may be one checkpoint drawn twice."""
    min_tail: int = 9
    """Validations of a plateau needed to tell a drift from coming and going: thirds of three."""
    drift_share: float = 0.02
    """The last third must lie this much further from the first than neighbouring thirds do."""
    drift_orders: int = 999
    """Random orders that a drift is held against ..."""
    drift_p: float = 0.005
    """... and the share of them that may show as much. Small, because neighbouring checkpoints are
    alike, which random orders are not: pictures that only wander, neighbours sharing half of their
    shake, are still told of in a tenth of the runs (tests/test_picture_formulas.py)."""
    fall_share: float = 0.10
    """Loss of diversity against the run's own best; smaller ones come and go."""
    fall_from_base_share: float = 0.30
    """The same against the base model. More, because a style is meant to make pictures alike."""
    fall_validations: int = 3
    """It must hold for this many last validations: one checkpoint may be off."""
    fall_sds: float = 3.0
    """... beyond this many standard errors, paired by prompt: every run is looked at every time."""
    duplicate_share: float = 0.20
    """Share of a validation's pictures that are near-duplicates before it is told."""
    chance_sds: float = 1.645
    """Pictures follow their prompts when their mean is above chance with 95 % confidence."""
    paired_sds: float = 3.0
    """A validation this far above chance shows what its prompts' pictures look like."""
    other_prompt_share: float = 0.5
    """A picture belongs to another prompt when it fits that one better by this share of what
    fitting one's own prompt usually brings."""
    recognised_share: float = 0.70
    """A validation tells whose pictures these are when this share of its own are recognised in the
    next such validation."""
    repaired_share: float = 0.75
    """Pictures only filed under the wrong prompts fit the right ones about as well as those of
    other validations do; what an untrained model draws fits none."""
    min_of_other_prompts: int = 3
    """That many pictures, ..."""
    min_share_of_other_prompts: float = 0.20
    """... and this share of the prompts: a weak model draws some prompts as others."""
    control_share: float = 0.02
    """The base model's pictures must not move: twice what still counts as the same."""
