"""Any number of pictures through the image tower, batch by batch.

Invariant: a vector depends on its own picture. On a GPU every batch has the same shape, filled up
with zeros; on a CPU, where a row of zeros costs what a picture costs, the last batch is as long as
it is, which moves a cosine by a rounding. No picture is lost when memory runs out; a row that is
not finite in a short dtype is computed once more in float32.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipstore.errors import DeviceFailed, DeviceFull
from clipstore.model.device import Device
from clipstore.model.embedder import Arriving, Pictures

CPU_BATCH_TOKENS = 2400
"""Image tokens per batch on a CPU: enough rows for its matrix products, while an interrupted
ingest loses seconds. 4 pictures of ViT-L/14-336."""

GPU_BATCH_TOKENS = 40_000
"""On a GPU: 64 pictures of ViT-L/14-336. From some ten thousand rows on, its matrix units are
busy; a larger batch only waits longer."""
GPU_BATCH_LIMIT = 512
GPU_MEMORY_SHARE = 0.5
"""Of the free memory, for one batch's activations: their size is an estimate."""
GPU_BATCHES_PER_CALL = 4
"""So that there is work in line for the time in which the main thread writes down a call's scores
and collects the next one's pictures."""
GPU_PICTURES_PER_CALL = 1024
"""Bounds what an interrupted ingest loses, and the memory of prepared pictures."""
CPU_RETRY_BATCH = 4
"""Bounds the memory of pictures that are computed again."""


@dataclass(frozen=True)
class TowerSize:
    """What a picture costs."""

    tokens: int
    """Positions of the image tower's sequence."""
    bytes_per_token: int
    """Of activations at their peak, about."""


@dataclass(frozen=True)
class _Running:
    """A batch that was handed to the device."""

    start: int
    n_rows: int
    units: Arriving
    """(size, dimension)."""


class _Call:
    """Satisfies `embedder.Arriving`: the batches of one call."""

    def __init__(
        self,
        running: Sequence[_Running],
        vectors: NDArray[np.float32],
        finish: Callable[[NDArray[np.float32]], None],
        device_name: str,
    ) -> None:
        """`finish` looks after rows that are not finite, when all are there."""
        self._running = deque(running)
        self._vectors = vectors
        self._finish = finish
        self._device_name = device_name

    @property
    def is_there(self) -> bool:
        # The device keeps the order, so the last one tells of all.
        return not self._running or self._running[-1].units.is_there

    def wait(self) -> NDArray[np.float32]:
        while self._running:
            done = self._running[0]
            try:
                units = done.units.wait()
            except RuntimeError as error:  # what went wrong on a GPU shows when it is waited for
                raise DeviceFailed(self._device_name, _first_line(error)) from error
            self._vectors[done.start : done.start + done.n_rows] = units[: done.n_rows]
            self._running.popleft()
            if not self._running:
                self._finish(self._vectors)
        return self._vectors


class ImageBatches:
    """Runs pictures through a tower."""

    def __init__(
        self,
        device: Device,
        tower: Callable[[Tensor], Tensor],
        size: int,
        exact: Callable[[Tensor], Tensor] | None = None,
        plain: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """`exact` is the tower in float32 on the CPU, where `tower` is in a shorter dtype; `plain`
        is one that takes batches of any size, where `tower` is compiled for this one."""
        self._device = device
        self._tower = tower
        self._exact = exact
        self._plain = plain
        self.size = size
        """Pictures per batch; halved whenever the device has no memory for it."""

    def start(self, pixels: Pictures, dimension: int) -> Arriving:
        """Hand prepared pixels to the device; what comes back are unit vectors (n, dimension).

        All batches are put in line without waiting for any: each one's memory is free for the next
        in line. A row is not finite where the arithmetic overflowed in float32 too. Raises
        `DeviceFull` when there is no memory for a single picture, `DeviceFailed` when a GPU breaks
        down, and so does waiting.
        """
        running: list[_Running] = []
        start = 0
        while start < len(pixels):
            rows = pixels[start : start + self.size]
            units = self._try_batch(rows)
            if units is None:
                self._halve()
                continue
            running.append(_Running(start, len(rows), units))
            start += len(rows)
        vectors = np.empty((len(pixels), dimension), dtype=np.float32)
        return _Call(running, vectors, partial(self._retry, pixels), self._device.name)

    def _halve(self) -> None:
        self._device.release_memory()
        self.size //= 2
        # A compiled tower would be compiled again for every size.
        self._tower, self._plain = self._plain or self._tower, None

    def _try_batch(self, rows: Pictures) -> Arriving | None:
        """None when memory ran out. What the attempt took is free again once this has returned."""
        n_rows = len(rows) if self._device.charges_by_row else self.size
        try:
            with self._device.arithmetic():
                return self._device.download(self._tower(self._device.upload(rows, n_rows)))
        except RuntimeError as error:
            if not self._device.is_out_of_memory(error):
                if self._device.name == "cpu":
                    raise
                # After such an error nothing that this process asks of the device is sure.
                raise DeviceFailed(self._device.name, _first_line(error)) from error
            if self.size == 1:
                raise DeviceFull(self._device.name) from error
            return None

    def _retry(self, pixels: Pictures, vectors: NDArray[np.float32]) -> None:
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if self._exact is None:
            return
        for start in range(0, len(bad), CPU_RETRY_BATCH):
            rows = bad[start : start + CPU_RETRY_BATCH]
            again = np.stack([pixels[row] for row in rows])  # (n, side, side, 3)
            vectors[rows] = self._exact(torch.from_numpy(again)).numpy()


def _first_line(error: RuntimeError) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def choose_batch_size(device: str, tower: TowerSize, free_bytes: int | None) -> int:
    """Pictures per batch: a power of two."""
    if device == "cpu":
        return _power_of_two(min(32, CPU_BATCH_TOKENS // tower.tokens))
    wanted = min(GPU_BATCH_LIMIT, GPU_BATCH_TOKENS // tower.tokens)
    if free_bytes is not None:
        picture_bytes = tower.tokens * tower.bytes_per_token
        wanted = min(wanted, int(GPU_MEMORY_SHARE * free_bytes / picture_bytes))
    return _power_of_two(wanted)


def choose_call_size(device: str, batch_size: int) -> int:
    """Pictures per call of `embed` that suit the device."""
    if device == "cpu":
        return batch_size
    return max(batch_size, min(GPU_PICTURES_PER_CALL, GPU_BATCHES_PER_CALL * batch_size))


def _power_of_two(at_most: int) -> int:
    return 1 << max(0, at_most.bit_length() - 1)
