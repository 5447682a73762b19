"""Memory that the reading processes share with the main one: pixels change hands without being
sent, so that a picture costs the main process no copy and no page of fresh memory.

Invariant: a slot belongs to one task from `lend` until `take_back`, or until the last array on it
is gone; a reader writes into no slot but those of its task. Where there is no such memory, all of
it is lent, or no page of it is left, pixels travel inside the answers. The memory has no name: it
is gone with the last process that has it, however that ends, and /dev/shm may be as small as it
likes.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_SLOTS = -1
"""Instead of a descriptor: there is no memory of that kind."""


class PixelSlots:
    """The main process's side. Slots are lent by one thread and may come back from any."""

    def __init__(self, slot_bytes: int, n_slots: int) -> None:
        self.descriptor = NO_SLOTS
        self.slot_bytes = slot_bytes
        self._free: list[int] = []
        found = _map_memory(slot_bytes * n_slots)
        if found is None:
            return
        self.descriptor, self._memory = found
        self._address = np.frombuffer(self._memory, np.uint8).ctypes.data
        self._free = list(range(n_slots))[::-1]

    @property
    def n_free(self) -> int:
        return len(self._free)

    def lend(self, count: int) -> tuple[int, ...]:
        """So many slots, or as many as there are; those used last come first, being in the
        processor's cache."""
        # Only `lend` takes any, so what is there stays there.
        return tuple(self._free.pop() for _ in range(min(count, len(self._free))))

    def take_back(self, slots: Sequence[int]) -> None:
        self._free.extend(slots)

    def array(self, slot: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """What was written there, not to be written to."""
        return np.asarray(_Lent(self, slot, self._address + slot * self.slot_bytes, shape))

    def close(self) -> None:
        """Nothing more is lent. Arrays that are left stay as they are."""
        if self.descriptor != NO_SLOTS:
            os.close(self.descriptor)


def _map_memory(n_bytes: int) -> tuple[int, mmap.mmap] | None:
    """A descriptor and what it shows this process, not to be written to; None where a system has no
    such memory (macOS), or forbids or limits it."""
    if not hasattr(os, "memfd_create") or not n_bytes:
        return None
    try:
        descriptor = os.memfd_create("clipstore-pixels")
    except OSError:
        return None
    try:
        # Pages come into being when they are first written to.
        os.ftruncate(descriptor, n_bytes)
        return descriptor, mmap.mmap(descriptor, n_bytes, prot=mmap.PROT_READ)
    except OSError:
        os.close(descriptor)
        return None


class _Lent:
    """Owns a slot for the arrays on it."""

    def __init__(self, slots: PixelSlots, slot: int, address: int, shape: tuple[int, ...]) -> None:
        self._slots = slots
        self._slot = slot
        self.__array_interface__ = {
            "version": 3,
            "data": (address, True),  # read-only
            "shape": shape,
            "typestr": "|u1",
        }

    def __del__(self) -> None:
        self._slots.take_back((self._slot,))


class SlotWriter:
    """A reading process's side."""

    def __init__(self, descriptor: int, slot_bytes: int) -> None:
        self._descriptor = descriptor
        self._slot_bytes = slot_bytes

    def write(self, slot: int, pixels: NDArray[Any]) -> bool:
        """Whether they fit in there, and there was memory for them."""
        if pixels.dtype != np.uint8 or not 0 < pixels.nbytes <= self._slot_bytes:
            return False
        content = np.ascontiguousarray(pixels)
        # A write, not a mapping: where no page is left it is an error, and no end by a signal.
        try:
            n_written = os.pwrite(self._descriptor, content.data, slot * self._slot_bytes)
            return n_written == content.nbytes
        except OSError:
            return False
