"""The framing of W&B's run files: LevelDB's log format behind a header of its own.

Invariant: every record handed out has its checksums right. Blocks are of 32 KiB and a record is in
one piece or in several; damage costs the records that it touches, and at most the rest of its
block, where the next one is looked for. The unfinished end of a file that grows is no damage.
Framing: CRC-32 u32 of the type and the data, length u16, type u8 (1 whole, 2 first, 3 middle, 4
last).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from clipstore.sources.textfiles import Unreadable, open_regular

FILE_HEADER = b":W&B\xe1\xbe\x00"
BLOCK_BYTES = 32768
HEADER_BYTES = 7
MAX_RECORD_BYTES = 64 * 2**20
_HEADER = struct.Struct("<IHB").unpack_from
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


class WandbRecord(NamedTuple):
    """One record, or the place of damage where `data` is None."""

    data: bytes | None
    offset: int
    end: int
    """Where reading goes on after it."""


class _Piece(NamedTuple):
    kind: int
    """0 for damage."""
    data: bytes
    offset: int
    end: int


def read_wandb_records(path: Path, start: int) -> Iterator[WandbRecord]:
    """Records from byte `start` on, 0 for all. Raises `Unreadable`."""
    with open_regular(path) as file:
        header = file.read(len(FILE_HEADER))
        if header != FILE_HEADER:
            raise Unreadable("it does not begin as W&B's run files do")
        yield from _join(_pieces(file, max(start, len(FILE_HEADER))))


def _join(pieces: Iterator[_Piece]) -> Iterator[WandbRecord]:
    """Records from their pieces; one whose pieces do not fit is damage."""
    begun: int | None = None
    data = bytearray()
    for piece in pieces:
        opens, ends = piece.kind in (_WHOLE, _FIRST), piece.kind in (_WHOLE, _LAST)
        fits = piece.kind != 0 and opens == (begun is None)
        if not fits or len(data) + len(piece.data) > MAX_RECORD_BYTES:
            yield WandbRecord(None, piece.offset if begun is None else begun, piece.end)
            begun, data = None, bytearray()
            if not opens:
                continue
        if opens:
            begun = piece.offset
        data += piece.data
        if ends and begun is not None:
            yield WandbRecord(bytes(data), begun, piece.end)
            begun, data = None, bytearray()


def _pieces(file: BinaryIO, start: int) -> Iterator[_Piece]:
    """Pieces block by block, as far as the file is whole."""
    at = start
    while True:
        block = at - at % BLOCK_BYTES
        file.seek(block)
        data = file.read(BLOCK_BYTES)
        is_full = len(data) == BLOCK_BYTES
        place = at - block
        while place + HEADER_BYTES <= len(data):
            end = _piece_end(data, place)
            if end is not None:
                kind, body = data[place + 6], data[place + HEADER_BYTES : end]
                yield _Piece(kind, body, block + place, block + end)
                place = end
                continue
            if not is_full and _runs_beyond(data, place):
                return
            after = _after_damage(data, place)
            yield _Piece(0, b"", block + place, block + after)
            place = after
        if not is_full:
            return
        at = block + BLOCK_BYTES


def _piece_end(data: bytes, place: int) -> int | None:
    """Where the piece that begins here ends; None when its checksum is wrong."""
    if place + HEADER_BYTES > len(data):
        return None
    crc, length, kind = _HEADER(data, place)
    end: int = place + HEADER_BYTES + length
    if end > len(data) or kind not in (_WHOLE, _FIRST, _MIDDLE, _LAST):
        return None
    is_right = zlib.crc32(data[place + 6 : end]) == crc
    return int(end) if is_right else None


def _runs_beyond(data: bytes, place: int) -> bool:
    """Whether the piece may only be unfinished: its length leads beyond what is there."""
    _, length, kind = _HEADER(data, place)
    is_kind = kind in (_WHOLE, _FIRST, _MIDDLE, _LAST)
    return bool(is_kind and place + HEADER_BYTES + length > len(data))


def _after_damage(data: bytes, place: int) -> int:
    """The next place in the block where a piece with a right checksum begins, else its end."""
    _, length, _ = _HEADER(data, place)
    led_to: int = place + HEADER_BYTES + length
    candidates: list[int] = [led_to, *range(place + 1, len(data) - HEADER_BYTES)]
    found = (one for one in candidates if _piece_end(data, one) is not None)
    return next(found, len(data))
