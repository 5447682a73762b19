"""Where the time of an ingest goes, and which stage bounds it.

Invariant: the stages of the main thread (`model_s` … `other_s`) add up to `wall_s`; those of the
readers and of writing and merging run beside them and are sums over processes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from clipstore.pipeline.reading import ReadTimes

MainStage = Literal["model", "pixels", "disk"]
BesideStage = Literal["write", "merge"]


@dataclass(frozen=True)
class IngestTimings:
    """Seconds by stage."""

    wall_s: float
    """From the first file handed to a reader to the last score handed to the spool."""
    model_s: float
    """In the model: pictures and texts."""
    pixels_s: float
    """Waiting for pixels, the start of the readers included."""
    disk_s: float
    """Waiting for an earlier part to reach the disk."""
    other_s: float
    """The rest of the main thread: listing runs and reading their logs when their turn comes,
    matching crops, making rows."""
    read_s: float
    """Summed over readers: bytes from the disk, and their hash."""
    decode_s: float
    cut_s: float
    resize_s: float
    write_s: float
    """Parts to the disk, beside the model."""
    merge_s: float
    """Parts into the database, beside the model."""
    n_readers: int
    """Reading processes; 0 when the main thread read."""

    @property
    def model_share(self) -> float:
        """Share of the wall time that the model ran, 0 to 1."""
        return self.model_s / self.wall_s if self.wall_s else 0.0


class StageClock:
    """Adds up stages as they run."""

    def __init__(self) -> None:
        self.n_readers = 0
        self._started = time.perf_counter()
        self._main: dict[MainStage, float] = {"model": 0.0, "pixels": 0.0, "disk": 0.0}
        self._beside: dict[BesideStage, float] = {"write": 0.0, "merge": 0.0}
        self._read_s = self._decode_s = self._cut_s = self._resize_s = 0.0

    def start(self, *, n_readers: int) -> None:
        """The wall time begins now."""
        self.n_readers = n_readers
        self._started = time.perf_counter()

    @contextmanager
    def main(self, stage: MainStage) -> Iterator[None]:
        """Measure a stage of the main thread."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._main[stage] += time.perf_counter() - started

    @contextmanager
    def beside(self, stage: BesideStage) -> Iterator[None]:
        """Measure a stage that runs in a thread of its own."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._beside[stage] += time.perf_counter() - started

    def add_reading(self, times: ReadTimes) -> None:
        self._read_s += times.read_s
        self._decode_s += times.decode_s
        self._cut_s += times.cut_s
        self._resize_s += times.resize_s

    def timings(self) -> IngestTimings:
        """As of now."""
        wall = time.perf_counter() - self._started
        model, pixels, disk = self._main["model"], self._main["pixels"], self._main["disk"]
        return IngestTimings(
            wall_s=wall,
            model_s=model,
            pixels_s=pixels,
            disk_s=disk,
            other_s=wall - model - pixels - disk,
            read_s=self._read_s,
            decode_s=self._decode_s,
            cut_s=self._cut_s,
            resize_s=self._resize_s,
            write_s=self._beside["write"],
            merge_s=self._beside["merge"],
            n_readers=self.n_readers,
        )
