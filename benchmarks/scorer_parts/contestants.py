"""Who takes part, and how each is started.

Invariant: who cannot take part in a heat is listed with the reason, never left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.scorer_parts.environments import OWN

Precision = Literal["default", "fp32", "fp16", "bf16"]
""" "default" is clipstore's own choice for the device."""

PEERS = Path(__file__).parent / "peers"
OURS = "clipstore"


@dataclass(frozen=True)
class Contestant:
    """One way to score pictures."""

    name: str
    script: str
    """A file in peers/; clipstore itself is run as a module."""
    environment: str
    on_gpu: tuple[Precision, ...]
    on_cpu: tuple[Precision, ...] = ("fp32",)
    """What it is asked for; half precision gains the peers nothing on a CPU."""
    largest_batch: int | None = None
    """None: as large as the benchmark likes."""
    share: float = 1.0
    """Of the pictures: slow ones get fewer, so that a run ends."""
    cuts_panels: bool = True
    """False for a package that reads whole files itself."""

    def command(self, python: Path, job: Path, answer: Path) -> Sequence[str]:
        if self.name == OURS:
            return [sys.executable, "-m", "benchmarks.scorer_parts.ours", str(job), str(answer)]
        return [str(python), str(PEERS / self.script), str(job), str(answer)]


CONTESTANTS = (
    Contestant(OURS, "", OWN, ("default", "fp32"), on_cpu=("default", "bf16")),
    Contestant("transformers, plain batches", "transformers_plain.py", OWN, ("fp32", "fp16")),
    Contestant(
        "torchmetrics CLIPScore, batched", "torchmetrics_batched.py", "torchmetrics", ("fp32",)
    ),
    Contestant("open_clip, DataLoader", "open_clip_loop.py", "open-clip", ("fp32", "fp16")),
    Contestant(
        "clip-score package",
        "clip_score_loop.py",
        "open-clip",
        ("fp32",),
        largest_batch=1,
        share=1 / 8,
        cuts_panels=False,
    ),
    Contestant(
        "SimpleTuner's way: torchmetrics per picture",
        "simpletuner_way.py",
        "torchmetrics",
        ("fp32",),
        largest_batch=1,
        share=1 / 8,
    ),
)
REFERENCE = "transformers, plain batches"
"""In fp32: what the others' cosines are compared with."""
