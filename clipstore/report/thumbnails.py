"""The scored panel of a picture file as a small WebP data URL.

Invariant: a thumbnail is encoded anew from the pixels inside the scored box, so it shows exactly
what was scored and carries none of the file's metadata (trainers and tools write prompts, paths
and names into it). The pictures of one page together stay under a budget.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from clipstore.pictures.images import crop_pixels, decode_picture, read_picture
from clipstore.types import Box, Problem

SIDE_PX = 256
"""Longest side; shown at about 150 CSS pixels, so that it is still sharp on dense screens."""
WEBP_QUALITY = 75


@dataclass(frozen=True)
class Thumbnail:
    """A small picture, ready to stand in the page."""

    data_url: str
    width_px: int
    height_px: int


@dataclass(frozen=True)
class NoThumbnail:
    """Why a picture is not on the page."""

    why: str
    """Words that stand in its place."""
    is_fault_of_file: bool = True
    """False when the page itself does without the picture; its file need not be named then."""


LEFT_OUT_FOR_SIZE = NoThumbnail("left out to keep the page small", is_fault_of_file=False)
LEFT_OUT_BY_REQUEST = NoThumbnail("pictures were not asked for", is_fault_of_file=False)


def picture_to_thumbnail(path: Path, box: Box, *, now_ns: int) -> Thumbnail | NoThumbnail:
    """The panel inside `box`, scaled so that its longest side is at most `SIDE_PX`.

    A file that is gone, broken or smaller than the box gives the words to show instead.
    """
    raw = read_picture(path, now_ns=now_ns)
    if isinstance(raw, Problem):
        is_gone = raw.reason == "vanished"
        return NoThumbnail("the file is no longer there" if is_gone else "the file cannot be read")
    decoded = decode_picture(raw, now_ns=now_ns)
    if isinstance(decoded, Problem):
        return NoThumbnail("the file cannot be decoded")
    height_px, width_px = decoded.rgb.shape[:2]
    fits = 0 <= box.left < box.right <= width_px and 0 <= box.top < box.bottom <= height_px
    if not fits:
        return NoThumbnail("the file has changed since it was scored")
    image = Image.fromarray(crop_pixels(decoded.rgb, box))
    image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/webp;base64,{encoded}", image.width, image.height)


class ThumbnailMaker:
    """Makes thumbnails in the order of asking until their data URLs fill the budget.

    Pictures asked for after that are left out and counted. A panel asked for twice is made once.
    """

    def __init__(self, budget_bytes: int, *, now_ns: int, is_wanted: bool = True) -> None:
        self._left_bytes = budget_bytes
        self._now_ns = now_ns
        self._is_wanted = is_wanted
        self._made: dict[tuple[Path, Box], Thumbnail | NoThumbnail] = {}

    def make(self, path: Path, box: Box) -> Thumbnail | NoThumbnail:
        if not self._is_wanted:
            return LEFT_OUT_BY_REQUEST
        if self._left_bytes <= 0:
            return LEFT_OUT_FOR_SIZE
        if (path, box) not in self._made:
            self._made[path, box] = picture_to_thumbnail(path, box, now_ns=self._now_ns)
        made = self._made[path, box]
        if isinstance(made, Thumbnail):
            self._left_bytes -= len(made.data_url)
        return made
