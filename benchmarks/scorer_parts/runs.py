"""What a heat runs: a contestant's job, the command as a user starts it, the ceilings.

Invariant: every job says all that its process needs; nothing is passed beside it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.scorer_parts.ceilings import Ceilings
from benchmarks.scorer_parts.models import Architecture, Checkpoint
from benchmarks.scorer_parts.picturesets import PictureSet
from benchmarks.scorer_parts.process import Failed, Finished, run_process, write_json

CPU_BATCH_TOKENS = 2400
"""Image tokens in a peer's batch: 4 pictures of ViT-L/14-336, what clipstore takes there."""
CPU_BATCH_LIMIT = 16
GPU_BATCH = 64


@dataclass(frozen=True)
class Workplace:
    """Where and on what everything runs."""

    folder: Path
    device: str
    """cpu, cuda or mps."""
    rounds: int
    peers: frozenset[str]
    """Names of the contestants to run besides clipstore."""

    @property
    def environments(self) -> Path:
        return self.folder / "environments"

    def batch_size(self, architecture: Architecture) -> int:
        """Pictures in a peer's batch; clipstore finds its own."""
        if self.device != "cpu":
            return GPU_BATCH
        return min(CPU_BATCH_LIMIT, CPU_BATCH_TOKENS // architecture.image_tokens)


def write_job(
    checkpoint: Checkpoint,
    pictures: PictureSet,
    place: Workplace,
    *,
    count: int,
    batch: int,
    precision: str,
) -> Path:
    job = {
        "model": str(checkpoint.folder),
        "open_clip_name": checkpoint.architecture.open_clip_name,
        "open_clip_weights": str(checkpoint.open_clip_weights),
        "merges": str(checkpoint.merges),
        "root": str(pictures.root),
        "entries": [asdict(entry) for entry in pictures.entries[:count]],
        "batch_size": batch,
        "device": place.device,
        "precision": precision,
        "workers": os.cpu_count() or 1,
    }
    return write_json(place.folder / "job.json", job)


def run_command(
    checkpoint: Checkpoint, pictures: PictureSet, place: Workplace
) -> Finished | Failed:
    sys.stderr.write("  clipstore ingest, the command\n")
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        command = [
            *(sys.executable, "-m", "clipstore", "ingest", str(pictures.root), "--offline"),
            *("--model", str(checkpoint.folder), "--device", place.device),
            *("--db", str(Path(folder) / "scores.duckdb"), "--format", "json"),
        ]
        return run_process(command, log=place.folder / "command.log")


def measure_ceilings(
    checkpoint: Checkpoint, pictures: PictureSet, place: Workplace
) -> Ceilings | None:
    sys.stderr.write("  ceilings\n")
    job = write_job(
        checkpoint,
        pictures,
        place,
        count=len(pictures.entries),
        batch=place.batch_size(checkpoint.architecture),
        precision="fp32",
    )
    answer = place.folder / "ceilings.json"
    command = [sys.executable, "-m", "benchmarks.scorer_parts.ceilings", str(job), str(answer)]
    finished = run_process(command, log=place.folder / "ceilings.log")
    if isinstance(finished, Failed):
        sys.stderr.write(f"  no ceilings: {finished.why}\n")
        return None
    found = json.loads(answer.read_text())
    return Ceilings(**found)
