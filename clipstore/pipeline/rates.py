"""How many pictures a second this machine reads, and how many its model takes.

Invariant: what is timed is what an ingest does, in the same processes, on pictures made here; the
start of processes and the first pass of a model, which an ingest pays once, are not part of a rate.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image

from clipstore.model.embedder import Embedder, PixelPath
from clipstore.pipeline.readers import reader_setup
from clipstore.pipeline.reading import ReadTask
from clipstore.pipeline.readpool import ReadPool
from clipstore.types import Picture

SAMPLE_SIDE_PX = 1024
_N_SAMPLES = 4
_TASKS_AHEAD = 4
_FIRST_ANSWER_S = 60.0
"""A machine that does other work may need so long for one picture."""


@dataclass(frozen=True)
class Rates:
    """Pictures per second of the two stages that can bound an ingest."""

    read_by_one_per_s: float
    """Read, decoded and resized by one process; 1024 x 1024 RGB PNG."""
    read_by_all_per_s: float
    n_processes: int
    model_per_s: float | None
    """Through the model; None when there was none to measure."""

    @property
    def is_decode_bound(self) -> bool:
        return self.model_per_s is not None and self.read_by_all_per_s < self.model_per_s


def measure_rates(
    pixel_path: PixelPath, embedder: Embedder | None, *, n_processes: int, seconds: float
) -> Rates:
    """Time reading by one process, by all, and the model, for `seconds` together.

    A model that needs longer than its half for two pictures takes what it needs.
    """
    with tempfile.TemporaryDirectory(prefix="clipstore-doctor-") as folder:
        paths = _write_samples(Path(folder))
        by_one = _read_rate(paths, pixel_path, 1, seconds / 4)
        by_all = _read_rate(paths, pixel_path, n_processes, seconds / 4)
    model = None if embedder is None else _model_rate(embedder, seconds / 2)
    return Rates(by_one, by_all, n_processes, model)


def _write_samples(folder: Path) -> list[Path]:
    """Noise at several scales, which is as hard to decode as a photograph."""
    generator = np.random.default_rng(1)
    paths = []
    for index in range(_N_SAMPLES):
        coarse = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        size = (SAMPLE_SIDE_PX, SAMPLE_SIDE_PX)
        smooth = np.asarray(Image.fromarray(coarse).resize(size), dtype=np.float32)
        noisy = smooth + generator.normal(0, 3, smooth.shape)
        path = folder / f"{index}.png"
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path)
        paths.append(path)
    return paths


def _read_rate(paths: list[Path], pixel_path: PixelPath, n_processes: int, seconds: float) -> float:
    setup = reader_setup(pixel_path, n_processes)
    tasks: Iterator[ReadTask] = (
        ReadTask(Picture(path.parent, path.name, 0, "sample", 0, "only")) for path in cycle(paths)
    )
    with ReadPool(n_processes, setup, _TASKS_AHEAD * n_processes) as pool:
        for _ in range(_TASKS_AHEAD * n_processes):
            pool.submit(next(tasks))
        for _ in range(n_processes):  # every process has started by then, or nearly
            pool.take(_FIRST_ANSWER_S)
            pool.submit(next(tasks))
        started, n_read = time.perf_counter(), 0
        while time.perf_counter() - started < seconds or n_read < n_processes:
            n_read += pool.take(_FIRST_ANSWER_S) is not None
            pool.submit(next(tasks))
        return n_read / (time.perf_counter() - started)


def _model_rate(embedder: Embedder, seconds: float) -> float:
    generator = np.random.default_rng(2)
    one = embedder.preprocessing.prepare(
        generator.integers(0, 256, (SAMPLE_SIDE_PX, SAMPLE_SIDE_PX, 3), dtype=np.uint8)
    )
    embedder.embed_images(np.stack([one]))
    # A full batch of a large model can take a minute on a CPU: from one picture on, twice as many
    # as long as there is time for that.
    began, n_rows = time.perf_counter(), 1
    while True:
        batch = np.stack([one] * n_rows)  # (n_rows, side, side, 3)
        started = time.perf_counter()
        embedder.embed_images(batch)
        took = time.perf_counter() - started
        if n_rows == embedder.batch_size or time.perf_counter() - began + 2 * took > seconds:
            break
        n_rows = min(2 * n_rows, embedder.batch_size)
    n_embedded = n_rows
    while time.perf_counter() - began + took < seconds:
        embedder.embed_images(batch)
        n_embedded += n_rows
    return n_embedded / (time.perf_counter() - started)
