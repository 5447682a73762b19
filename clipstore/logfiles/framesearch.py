"""The search for a TFRecord's header in bytes that lost their frame.

Invariant: it needs the checksum at every byte of a damaged stretch, and is the only part of reading
logs that takes numpy, whose import takes as long as some 50,000 records: it is loaded when the
first damage is met.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from clipstore.logfiles.crc32c import HEADER_BYTES, MASK

_POLYNOMIAL = 0x82F63B78
_SEARCH_BYTES = 2**20
"""So many places are looked at in one go: 50 MB of memory."""


def find_header(data: bytes, start: int, max_length: int) -> int | None:
    """The first place from `start` on with a length up to `max_length` whose checksum is right;
    None when no whole header is there."""
    for begin in range(start, len(data) - HEADER_BYTES + 1, _SEARCH_BYTES):
        end = min(begin + _SEARCH_BYTES + HEADER_BYTES - 1, len(data))
        found = _headers(np.frombuffer(data, np.uint8, end - begin, begin), max_length)
        if found.size:
            return begin + int(found[0])
    return None


def _headers(data: NDArray[np.uint8], max_length: int) -> NDArray[np.intp]:
    """Places of all headers in `data`, (n,)."""
    windows = np.lib.stride_tricks.sliding_window_view(data, HEADER_BYTES)  # (n, 12)
    # Lengths that are too large are the rule where there is no header: look at no checksum there.
    likely = np.flatnonzero((windows[:, 4:8] == 0).all(axis=1))
    chosen = windows[likely]  # (m, 12)
    lengths = chosen[:, :4].copy().view("<u4")[:, 0]
    stored = chosen[:, 8:].copy().view("<u4")[:, 0]
    right = (lengths <= max_length) & (_masked(chosen[:, :8]) == stored)
    found: NDArray[np.intp] = likely[right]
    return found


def _masked(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Masked checksums of rows of 8 bytes, (m, 8) to (m,)."""
    table = _table()
    crc = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in range(rows.shape[1]):
        crc = table[(crc ^ rows[:, column]) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    crc = ~crc
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return rotated + np.uint32(MASK)


@functools.cache
def _table() -> NDArray[np.uint32]:
    """The checksum's change by one byte, (256,)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)
