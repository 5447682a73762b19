"""TFRecord framing, the outer form of TensorBoard's event files.

Invariant: every record handed out has both its checksums right, and memory is bounded by the
largest record whatever a length says. Damage costs the records that it touches: after it the next
header with a right checksum is looked for, byte by byte. The unfinished end of a file that is still
being written is no damage. Framing: length u64, its masked CRC-32C, data, the data's.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import google_crc32c

from clipstore.logfiles.crc32c import HEADER_BYTES, MASK, header_to_length, masked_crc32c
from clipstore.sources.textfiles import open_regular

CHUNK_BYTES = 4 * 2**20
MAX_RECORD_BYTES = 256 * 2**20
"""As much as a picture's file may have (`pictures.images`)."""
TRAILER_BYTES = 4
LENGTHS_KEPT = 2**14
"""Shorter lengths come again; those of pictures hardly ever."""
_HEADER = struct.Struct("<QI").unpack_from
_TRAILER = struct.Struct("<I").unpack_from


class Gap(NamedTuple):
    """Bytes that are no record, or one that is damaged."""

    offset: int
    n_bytes: int


class RecordChunk(NamedTuple):
    """Some records in a row."""

    records: list[tuple[int, bytes]]
    """(offset of the data in the file, data)."""
    gaps: list[Gap]
    end: int
    """Where the next record begins."""


def read_records(path: Path, start: int) -> Iterator[RecordChunk]:
    """All whole records from byte `start` on. Raises `Unreadable`."""
    with open_regular(path) as file:
        yield from _Reader(file, start).chunks()


class _Reader:
    """Bytes of the file that are not used up: `data` from `at` on; `data` begins at `base`."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        file.seek(start)
        self._data = b""
        self._at = 0
        self._base = start
        self._lost_at: int | None = None
        """Where the frame was lost, until it is found again."""
        self._gaps: list[Gap] = []
        self._lengths: dict[bytes, int] = {}
        """Headers whose checksum was right → their length: scalars have few different ones."""

    def chunks(self) -> Iterator[RecordChunk]:
        needed = HEADER_BYTES
        while self._fill(needed):
            records, needed = self._take_records()
            if records or self._gaps:
                yield self._to_chunk(records)
        self._end_gap()
        yield self._to_chunk([])

    def _to_chunk(self, records: list[tuple[int, bytes]]) -> RecordChunk:
        gaps, self._gaps = self._gaps, []
        return RecordChunk(records, gaps, self._base + self._at)

    def _fill(self, needed: int) -> bool:
        """Have `needed` bytes at hand; False when the file ends before."""
        missing = needed - (len(self._data) - self._at)
        if missing <= 0:
            return True
        if self._base + len(self._data) + missing > os.fstat(self._file.fileno()).st_size:
            return False  # no memory for a length that the file does not have
        more = self._file.read(max(CHUNK_BYTES, missing))
        self._data = self._data[self._at :] + more
        self._base += self._at
        self._at = 0
        return len(more) >= missing

    def _take_records(self) -> tuple[list[tuple[int, bytes]], int]:
        """The records at hand, and how many bytes it takes to go on."""
        records: list[tuple[int, bytes]] = []
        data, first = self._data, self._base + HEADER_BYTES
        at, size, lengths, crc32c = self._at, len(data), self._lengths, google_crc32c.value
        while size - at >= HEADER_BYTES:
            length = lengths.get(data[at : at + HEADER_BYTES], -1)
            if length < 0:
                length = self._checked_length(at)
                if length < 0:
                    self._at = at
                    return records, self._find_frame()
            stop = at + HEADER_BYTES + length
            if stop + TRAILER_BYTES > size:
                self._at = at
                return records, stop + TRAILER_BYTES - at
            payload = data[at + HEADER_BYTES : stop]
            crc = crc32c(payload)
            # The mask of `masked_crc32c`, written out: a call per record takes a tenth of the time.
            if (crc >> 15 | crc << 17) + MASK & 0xFFFFFFFF != _TRAILER(data, stop)[0]:
                self._at = at
                return records, self._pass_over(length)
            if self._lost_at is not None:
                self._at = at
                self._end_gap()
            records.append((first + at, payload))
            at = stop + TRAILER_BYTES
        self._at = at
        return records, HEADER_BYTES

    def _checked_length(self, at: int) -> int:
        """What the header says; -1 when its checksum is wrong or no record is that large."""
        length, length_crc = _HEADER(self._data, at)
        header = self._data[at : at + HEADER_BYTES]
        if length > MAX_RECORD_BYTES or masked_crc32c(header[:8]) != length_crc:
            return -1
        if length < LENGTHS_KEPT:
            self._lengths[header] = length
        return int(length)

    def _pass_over(self, length: int) -> int:
        """Leave a record out whose data are damaged. Where its length does not lead to a header
        either, bytes were lost or added, and the next record may begin inside of it."""
        whole = HEADER_BYTES + length + TRAILER_BYTES
        leads_on = True
        if self._fill(whole + HEADER_BYTES):
            leads_on = header_to_length(self._data, self._at + whole) is not None
        if self._lost_at is None:
            self._lost_at = self._base + self._at
        if not leads_on:
            self._at += 1
            return self._find_frame()
        self._at += whole
        self._end_gap()
        return HEADER_BYTES

    def _find_frame(self) -> int:
        """Go to the next header, or as far as there surely is none."""
        if self._lost_at is None:
            self._lost_at = self._base + self._at
        from clipstore.logfiles.framesearch import find_header  # noqa: PLC0415 - takes numpy

        found = find_header(self._data, self._at, MAX_RECORD_BYTES)
        last = max(self._at, len(self._data) - HEADER_BYTES + 1)
        self._at = last if found is None else found
        return HEADER_BYTES

    def _end_gap(self) -> None:
        if self._lost_at is not None:
            self._gaps.append(Gap(self._lost_at, self._base + self._at - self._lost_at))
            self._lost_at = None
