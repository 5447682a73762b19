"""Protocol buffers' wire format, as far as logs need it.

Invariant: no field is read beyond its message and nothing nests here, so that any bytes end as
fields or as one `WireError`. What the fields mean is for the caller.
Source: "Encoding" in the protocol buffers documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MAX_FIELDS = 200_000
"""Of one message: the largest real ones, histograms, have thousands."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class WireError(Exception):
    """The bytes are no message. Never leaves the readers of logs."""


class Field(NamedTuple):
    """One field of a message."""

    number: int
    kind: int
    """VARINT, FIXED64, BYTES or FIXED32."""
    value: int
    """Of a VARINT; 0 for the others."""
    start: int
    """Where the value's bytes begin in the buffer; of a VARINT where the next field begins."""
    stop: int


def iter_fields(data: bytes, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message in data[start:stop], in order. Raises `WireError`."""
    at = start
    for _ in range(MAX_FIELDS):
        if at >= stop:
            return
        key, at = read_varint(data, at, stop)
        number, kind, value = key >> 3, key & 7, 0
        if kind == VARINT:
            value, at = read_varint(data, at, stop)
            length = 0
        elif kind == BYTES:
            length, at = read_varint(data, at, stop)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise WireError(f"wire type {kind}")
        if length > stop - at:
            raise WireError("a field is longer than its message")
        yield Field(number, kind, value, at, at + length)
        at += length
    raise WireError(f"more than {MAX_FIELDS:,} fields")


def read_varint(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """(the number, where it ends). Raises `WireError`."""
    value = shift = 0
    while at < stop and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise WireError("a number does not end")


def to_signed(value: int) -> int:
    """An int64 as its varint has it."""
    return value - (1 << 64) if value >= 1 << 63 else value
