"""CRC-32C as TFRecord files have it.

Invariant: checksums of records are computed by google-crc32c, in C: in Python alone they take most
of the time that TensorBoard's own reader takes.
"""

from __future__ import annotations

import struct

import google_crc32c

HEADER_BYTES = 12
"""A length of 8 bytes and its checksum of 4."""
MASK = 0xA282EAD8
"""Added to the rotated checksum."""


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecord files store it: rotated by 15 bits, plus a constant."""
    crc: int = google_crc32c.value(data)
    return (crc >> 15 | crc << 17) + MASK & 0xFFFFFFFF


def header_to_length(data: bytes, at: int) -> int | None:
    """The length in the header at this place; None when its checksum is wrong."""
    length, stored = struct.unpack_from("<QI", data, at)
    return int(length) if masked_crc32c(data[at : at + 8]) == stored else None
