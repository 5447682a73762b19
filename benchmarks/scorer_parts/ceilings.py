"""What bounds clipstore on this machine: arithmetic, memory, the model alone, decoding alone.

    python -m benchmarks.scorer_parts.ceilings JOB.json ANSWER.json

Invariant: each is measured by itself, with nothing else of clipstore running, through the same
entry points that an ingest uses.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.scorer_parts.models import ARCHITECTURES
from benchmarks.scorer_parts.peers.job import Job, read_job
from clipstore.model.embed import ClipEmbedder, load_clip
from clipstore.model.embedder import PixelPath
from clipstore.pipeline.discover import outline
from clipstore.pipeline.readers import Reader, open_reader, reader_setup
from clipstore.pipeline.reading import ReadTask
from clipstore.types import Picture, Problem

MEASURE_SECONDS = 3.0
MIN_ROUNDS = 3
TASKS_AHEAD_PER_PROCESS = 4
READ_WITHIN_SECONDS = 60.0


@dataclass(frozen=True)
class Ceilings:
    """Rates that clipstore cannot pass."""

    matrix_tflops: float
    """Product of float32 matrices of the model's own sizes, in torch's default precision."""
    matrix_half_tflops: float | None
    """The same in float16; None on the CPU."""
    copy_gb_per_s: float
    """Reading and writing memory, both counted."""
    model_per_second: float
    """Pictures a second through the image tower, from pixels that lie in memory."""
    decode_per_second: float
    """Files a second from the page cache to prepared pixels, on all cores, no model beside it."""
    processes: int
    """That decoded."""


def main() -> None:
    """Measure, answer."""
    job = read_job()
    embedder = load_clip(
        job.model, device=job.device, offline=True, announce=lambda _sentence: None
    )
    processes = os.cpu_count() or 1
    ceilings = Ceilings(
        decode_per_second=measure_decoding(_pictures(job), embedder.preprocessing, processes),
        matrix_tflops=measure_products(job, torch.float32),
        matrix_half_tflops=None if job.device == "cpu" else measure_products(job, torch.float16),
        copy_gb_per_s=measure_copying(job.device),
        model_per_second=measure_model(embedder),
        processes=processes,
    )
    Path(sys.argv[2]).write_text(json.dumps(asdict(ceilings)))


def measure_model(embedder: ClipEmbedder) -> float:
    """Pictures a second of full batches, with the next call always begun before one is waited
    for."""
    side, count = embedder.preprocessing.side_px, embedder.batch_size
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    running = deque([embedder.start_images(pixels)])

    def one_more() -> None:
        running.append(embedder.start_images(pixels))
        running.popleft().wait()

    return count * _per_second(one_more)


def measure_decoding(
    pictures: Sequence[Picture], preprocessing: PixelPath, processes: int
) -> float:
    """Files a second with one reading process per core, once these have started."""
    setup = reader_setup(preprocessing, processes)
    ahead = TASKS_AHEAD_PER_PROCESS * processes
    with open_reader(processes, setup, ahead) as reader:
        return len(pictures) * _per_second(lambda: _read_all(reader, pictures, ahead))


def measure_products(job: Job, dtype: torch.dtype) -> float:
    """10^12 operations a second of the MLP's product for one batch, two per multiply-add."""
    architecture = ARCHITECTURES[Path(job.model).name]
    rows, width = architecture.image_tokens * job.batch_size, architecture.width
    left = torch.randn(rows, width, device=job.device, dtype=dtype)
    right = torch.randn(width, 4 * width, device=job.device, dtype=dtype)

    def multiply() -> None:
        for _ in range(4):
            torch.mm(left, right)
        _wait(job.device)

    return 4 * 2 * rows * width * 4 * width * _per_second(multiply) / 1e12


def measure_copying(device: str) -> float:
    """10^9 bytes a second of a large copy."""
    source = torch.zeros(64 * 2**20, device=device)  # 256 MiB
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        _wait(device)

    return 2 * source.nbytes * _per_second(copy) / 1e9


def _read_all(reader: Reader, pictures: Sequence[Picture], ahead: int) -> None:
    for picture in pictures[:ahead]:
        reader.submit(ReadTask(picture))
    for number in range(len(pictures)):
        result = reader.take(READ_WITHIN_SECONDS)
        if result is None or isinstance(result.outcome, Problem):
            raise ValueError(f"{pictures[number].path} cannot be read: {result}")
        if number + ahead < len(pictures):
            reader.submit(ReadTask(pictures[number + ahead]))


def _pictures(job: Job) -> list[Picture]:
    wanted = {entry.path for entry in job.entries}
    return [
        picture
        for contents in outline(Path(job.root)).runs()
        for picture in contents.pictures
        if str(picture.path.resolve()) in wanted
    ]


def _per_second(work: Callable[[], object]) -> float:
    """How often `work` is done in a second, after one time that does not count."""
    work()
    times = 0
    started = time.perf_counter()
    while times < MIN_ROUNDS or time.perf_counter() - started < MEASURE_SECONDS:
        work()
        times += 1
    return times / (time.perf_counter() - started)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
