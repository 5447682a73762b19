"""Plain PNG to pixels by a faster decoder than Pillow, where one is installed.

Invariant: pixels come from here only for files on which that decoder and Pillow agree to the last
bit: 8-bit RGB, not interlaced, with no chunk that changes what the pixels mean, and every checksum
right. Everything else, and everything that the fast decoder does not like, is None: Pillow decides,
so what is refused, and why, does not depend on what is installed. The one exception: kornia-rs does
not look at the checksum inside the compressed data, so data that was wrong before its chunk got
its checksum, which no disk and no copy does, is decoded. `benchmarks/decoders.md` has the figures.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from clipstore.types import Size

FAST_DECODER = "kornia-rs"
"""The distribution that the extra `clipstore[fast]` installs."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PLAIN_HEADER_END = bytes([8, 2, 0, 0, 0])
"""The end of IHDR for 8 bits a channel, RGB, deflate, the standard filters, not interlaced."""
_HARMLESS_CHUNKS: Mapping[bytes, int] = {
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"pHYs": 9,
    b"tIME": 7,
}
"""Chunks of a fixed length that change no pixel in Pillow. EXIF can turn a picture, tRNS and acTL
make it another kind of picture, and compressed text can be a bomb: those are left to Pillow."""
_MAX_TEXT_BYTES = 65536


def has_fast_decoder() -> bool:
    """Whether the optional decoder is installed and can be imported."""
    return _fast_decoder() is not None


def decode_plain_png(data: bytes, *, max_pixels: int, min_side_px: int) -> NDArray[np.uint8] | None:
    """Pixels (height, width, 3) of a plain PNG; None when Pillow must decide.

    Sizes beyond the limits are Pillow's to refuse as well.
    """
    size = plain_png_size(data)
    if size is None or min(size) < min_side_px or size.width_px * size.height_px > max_pixels:
        return None
    decoder = _fast_decoder()
    if decoder is None:
        return None
    try:
        pixels = decoder.decode_image_png_u8(data, (size.height_px, size.width_px), "rgb")
    except Exception:  # noqa: BLE001 - the library raises plain Exception; Pillow says what is wrong
        return None
    rgb: NDArray[np.uint8] = np.asarray(pixels)
    if rgb.shape != (size.height_px, size.width_px, 3) or rgb.dtype != np.uint8:
        return None
    return rgb


def plain_png_size(data: bytes) -> Size | None:
    """The size of a PNG that every decoder reads alike; None for any other file."""
    if not data.startswith(_SIGNATURE) or data[8:16] != b"\x00\x00\x00\rIHDR":
        return None
    if data[24:29] != _PLAIN_HEADER_END:
        return None
    position, seen_data = len(_SIGNATURE), False
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            return None
        content = memoryview(data)[position + 4 : end]
        if zlib.crc32(content) != int.from_bytes(data[end : end + 4], "big"):
            return None
        if name == b"IEND":
            size = Size(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
            return size if seen_data and length == 0 else None
        if name == b"IDAT":
            seen_data = True
        elif not _is_harmless(name, length, is_first=position == len(_SIGNATURE)):
            return None
        position = end + 4
    return None


def _is_harmless(name: bytes, length: int, *, is_first: bool) -> bool:
    if name == b"IHDR":
        return is_first
    if name == b"tEXt":
        return 0 < length <= _MAX_TEXT_BYTES
    return _HARMLESS_CHUNKS.get(name) == length


@cache
def _fast_decoder() -> ModuleType | None:
    try:
        # Optional: everything works without it, several times slower for large PNG files.
        from kornia_rs import io  # noqa: PLC0415
    except ImportError:
        return None
    module: ModuleType = io
    return module
