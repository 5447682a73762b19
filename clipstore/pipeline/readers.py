"""Where pictures are read, in this process or in others, and what one picture may cost there.

Invariant: whoever reads, the results come in the order of the tasks.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Protocol

from clipstore.model.embedder import PixelPath
from clipstore.pipeline.reading import PictureReader, ReadResult, ReadTask
from clipstore.pipeline.readpool import ReadPool
from clipstore.pipeline.readworker import ReaderSetup

BASE_PICTURES_BYTES = 2**30
"""Decoded base pictures that all readers together may hold: 340 at 1024 x 1024."""
SECONDS_PER_PICTURE = 20.0
"""The largest picture that is read takes two; one that takes this long hangs."""
MEMORY_PER_PICTURE_BYTES = 2**31
"""Twice what the largest picture that is read needs."""


def reader_setup(pixel_path: PixelPath, n_processes: int) -> ReaderSetup:
    """What each of so many readers is told."""
    return ReaderSetup(
        pixel_path=pixel_path,
        base_pictures_bytes=BASE_PICTURES_BYTES // max(1, n_processes),
        seconds_per_picture=SECONDS_PER_PICTURE,
        memory_bytes=MEMORY_PER_PICTURE_BYTES,
    )


class Reader(Protocol):
    """Where tasks go in and results come out, in order. A context manager."""

    n_processes: int

    def __enter__(self) -> Reader: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    @property
    def bytes_ready(self) -> int:
        """Memory of the results that wait to be taken."""
        ...

    def submit(self, task: ReadTask) -> None: ...

    def take(self, timeout_s: float) -> ReadResult | None:
        """The result of the oldest task not taken yet; None when it is not there in time."""
        ...


def open_reader(n_processes: int, setup: ReaderSetup, n_held: int = 0) -> Reader:
    """Readers in so many processes; with 0, in this one. `n_held`: as for `ReadPool`."""
    return ReadPool(n_processes, setup, n_held) if n_processes else ReadHere(setup)


class ReadHere:
    """Reads in this process when a result is asked for: nothing to start, and no protection."""

    n_processes = 0
    bytes_ready = 0

    def __init__(self, setup: ReaderSetup) -> None:
        self._reader = PictureReader(setup.pixel_path, setup.base_pictures_bytes)
        self._tasks: deque[ReadTask] = deque()

    def __enter__(self) -> ReadHere:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tasks.clear()

    def submit(self, task: ReadTask) -> None:
        self._tasks.append(task)

    def take(self, timeout_s: float) -> ReadResult | None:
        return self._reader.read(self._tasks.popleft())
