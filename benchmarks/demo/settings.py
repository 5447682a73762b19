"""The trainings of the demo: what was set in each, and what that should do. No figure of a result.

Eight runs continue from another model, as people's trainings do: seven from `base`, which draws
sharply and follows prompts weakly, and one from `good`'s last state. Rates are Muon's; the few
parameters that are no matrices go with AdamW at a twentieth of them.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

VALIDATION_STEPS = 10
MAX_TRAIN_STEPS = 12 * VALIDATION_STEPS
_HALF = MAX_TRAIN_STEPS // 2
BATCH = 24
GUIDANCE = 2.5
SAMPLER_STEPS = 8
VALIDATION_SEED = 7
PROMPTS = 32
PEAK = 0.008
"""The learning rate that suits this model and batch."""

Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Setting:
    """One training."""

    name: str
    """Folder name of the run."""
    story: str
    """What was set, in words."""
    schedule: Points
    """(step, learning rate) corners; straight lines between them."""
    start: str = "base"
    """The run whose last weights it continues from; empty for none."""
    data: Literal["world", "narrow"] = "world"
    """What it trains on: scenes of every kind, or hearts in the middle only."""
    shuffled: Points = ((0, 0.0),)
    """(step, share) corners of the share of captions that belong to another picture."""
    seed: int = 1
    """Seed of data order, noise and dropout."""
    images: int = 1
    """Validation pictures per prompt."""
    steps: int = MAX_TRAIN_STEPS
    """Planned optimizer steps."""
    learns: bool = False
    """Whether a run set up so learns to follow prompts; what a verdict is judged by."""


def warm_then_flat(peak: float) -> Points:
    """One validation's worth of linear warm-up, constant after."""
    return ((0, 0.0), (VALIDATION_STEPS, peak))


def settle(peak: float) -> Points:
    """As that until half of the plan, then down to a twentieth at three quarters, and on."""
    return (*warm_then_flat(peak), (_HALF, peak), (_HALF * 3 // 2, peak / 20))


BASE = Setting(
    "base",
    "pre-training from nothing; of 100 captions 60 belong to another picture until step 1400, none "
    "until 3200, and all at the end, which unlearns much of the following",
    (
        (0, 0.0), (50, 0.02), (2400, 0.02), (2800, 0.004),
        (2850, 0.012), (3000, 0.012), (3200, 0.004), (3210, 0.008), (3300, 0.008),
    ),
    start="",
    shuffled=((0, 0.6), (1400, 0.6), (1401, 0.0), (3200, 0.0), (3201, 1.0)),
    steps=3300,
)  # fmt: skip

RUNS = (
    Setting(
        "good", "suitable learning rate that settles, right captions", settle(PEAK), learns=True
    ),
    Setting(
        "shuffled-captions", "every caption belongs to another picture",
        warm_then_flat(PEAK), shuffled=((0, 1.0),), seed=7,
    ),
    Setting("lr-too-high", "learning rate 100 times too high", warm_then_flat(100 * PEAK), seed=3),
    Setting("lr-too-low", "learning rate 400 times too low", warm_then_flat(PEAK / 400), seed=4),
    Setting(
        "late-bloomer", "a warm-up of two thirds of the plan, nearly nothing in its first 40 %",
        ((0, 0.0), (MAX_TRAIN_STEPS * 2 // 5, PEAK / 400), (MAX_TRAIN_STEPS * 2 // 3, PEAK)),
        seed=6, learns=True,
    ),
    Setting(
        "narrow-finetune", "continues from good, on large hearts in the middle only",
        warm_then_flat(PEAK), start="good", data="narrow", seed=8,
    ),
    Setting(
        "collapse", "as good until half of the plan; then the rate climbs to 50 times as much",
        (*warm_then_flat(PEAK), (_HALF, PEAK), (_HALF * 5 // 4, 50 * PEAK)), seed=5,
    ),
    Setting(
        "good-seed2", "as good, another seed, 2 images per prompt",
        settle(PEAK), seed=2, images=2, learns=True,
    ),
)  # fmt: skip


def value_at(schedule: Points, step: int) -> float:
    """The scheduled value at `step`: straight between corners, constant after the last."""
    for (left, low), (right, high) in pairwise(schedule):
        if step < right:
            return low + (high - low) * max(0, step - left) / (right - left)
    return schedule[-1][1]
