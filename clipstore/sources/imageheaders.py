"""A picture file's width and height from its first bytes, for the few that a name cannot place.

Invariant: no pixel is decoded, and anything that is no picture is None, never an error.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

from PIL import Image

from clipstore.sources.textfiles import Unreadable, read_bytes, read_start
from clipstore.types import Size

MAX_BYTES = 256 * 2**20
HEADER_BYTES = 2**18
"""Metadata may stand before the size in a JPEG; beyond this it is not searched."""
_PNG_START = b"\x89PNG\r\n\x1a\n"


def file_to_size(path: Path) -> Size | None:
    """Width and height in pixels of a PNG, JPEG or WebP; None when they cannot be read."""
    try:
        data = read_start(path, HEADER_BYTES)
    except Unreadable:
        return None
    if data.startswith(_PNG_START) and data[12:16] == b"IHDR":
        return Size(int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                return Size(*image.size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def same_bytes(path: Path, other: Path) -> bool:
    """True when both files hold the same bytes, and any; sizes are compared before any reading."""
    try:
        if path.stat().st_size != other.stat().st_size or path.stat().st_size == 0:
            return False  # two pictures that are still being written are both empty
        return read_bytes(path, max_bytes=MAX_BYTES) == read_bytes(other, max_bytes=MAX_BYTES)
    except (OSError, Unreadable):
        return False
