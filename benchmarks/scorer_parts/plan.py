"""Which heats are run, and with how many pictures.

Invariant: on a CPU the defaults end in 25 minutes on two idle cores, on a GPU they are long enough
that start and end do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.scorer_parts.models import ARCHITECTURES, Architecture
from benchmarks.scorer_parts.picturesets import FORMATS, PictureFormat

CPU_PICTURES = {"ViT-B-32": 96, "ViT-L-14-336": 16}
"""Whole batches of everyone's."""
GPU_PICTURES = 2000
SLOW_ON_CPU = frozenset({"ViT-L-14-336"})
"""40 s for 16 pictures and contestant: on a CPU only with the most usual kind of file."""
USUAL_FORMAT = "png-1024"


@dataclass(frozen=True)
class Plan:
    """One heat to be."""

    architecture: Architecture
    form: PictureFormat
    pictures: int


def plan_heats(
    device: str,
    models: Sequence[str] | None,
    formats: Sequence[str] | None,
    pictures: int | None,
) -> list[Plan]:
    """All of `models` with all of `formats`; None means the device's defaults."""
    plans = []
    for model in models or ARCHITECTURES:
        usual_only = formats is None and device == "cpu" and model in SLOW_ON_CPU
        for name in [USUAL_FORMAT] if usual_only else formats or FORMATS:
            count = pictures or (CPU_PICTURES[model] if device == "cpu" else GPU_PICTURES)
            plans.append(Plan(ARCHITECTURES[model], FORMATS[name], count))
    # What is asked most comes first: a run may be stopped early.
    return sorted(plans, key=lambda plan: plan.form.name != USUAL_FORMAT)
