"""The trainings of the demo: what was set in each, and what that should do. No figure of a result.

Eight runs continue from another model, as people's trainings do: seven from `base`, which was
pre-trained on captions that mostly belong to other pictures, and one from `good`'s last state.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

VALIDATION_STEPS = 50
MAX_TRAIN_STEPS = 600
BATCH = 24
GUIDANCE = 2.5
SAMPLER_STEPS = 12
VALIDATION_SEED = 7
PROMPTS = 32
PEAK = 6e-4
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
    shuffled: float = 0.0
    """Share of captions that belong to another picture."""
    max_grad_norm: float = 1.0
    """Gradients are clipped to this norm; 0 for no clipping."""
    seed: int = 1
    """Seed of data order, noise and dropout."""
    images: int = 1
    """Validation pictures per prompt."""
    steps: int = MAX_TRAIN_STEPS
    """Planned optimizer steps."""


def warm_then_flat(peak: float, warm: int = 40) -> Points:
    """Linear warm-up over `warm` steps, constant after."""
    return ((0, 0.0), (warm, peak))


def settle(peak: float) -> Points:
    """A short warm-up, half the plan at the peak, then down to a twentieth."""
    return ((0, 0.0), (40, peak), (MAX_TRAIN_STEPS // 2, peak), (MAX_TRAIN_STEPS, peak / 20))


BASE = Setting(
    "base",
    "pre-training from nothing; 80 of 100 captions belong to another picture",
    ((0, 0.0), (60, 1e-3), (450, 1e-3), (600, 3e-4)),
    start="",
    shuffled=0.8,
    steps=600,
)

RUNS = (
    Setting("good", "suitable learning rate that settles, right captions", settle(PEAK)),
    Setting(
        "good-seed2", "as good, another seed, 2 images per prompt",
        settle(PEAK), seed=2, images=2,
    ),
    Setting(
        "lr-too-high", "learning rate 100 times too high, no gradient clipping",
        warm_then_flat(100 * PEAK), max_grad_norm=0.0, seed=3,
    ),
    Setting("lr-too-low", "learning rate 400 times too low", warm_then_flat(PEAK / 400), seed=4),
    Setting(
        "collapse", "as good until step 300; then the rate climbs to 50 times as much, no clipping",
        ((0, 0.0), (40, PEAK), (300, PEAK), (380, 50 * PEAK)), max_grad_norm=0.0, seed=5,
    ),
    Setting(
        "late-bloomer", "a warm-up of 400 steps, nearly nothing in its first 240",
        ((0, 0.0), (240, PEAK / 400), (400, PEAK)), seed=6,
    ),
    Setting(
        "shuffled-captions", "every caption belongs to another picture",
        warm_then_flat(PEAK), shuffled=1.0, seed=7,
    ),
    Setting(
        "narrow-finetune", "continues from good, on large hearts in the middle only",
        warm_then_flat(PEAK / 4), start="good", data="narrow", seed=8,
    ),
)  # fmt: skip


def learning_rate_at(schedule: Points, step: int) -> float:
    """The rate at `step`, constant after the last corner."""
    for (left, low), (right, high) in pairwise(schedule):
        if step < right:
            return low + (high - low) * max(0, step - left) / (right - left)
    return schedule[-1][1]
