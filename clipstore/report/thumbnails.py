"""Scored panels of picture files as small WebP data URLs.

Invariant: a thumbnail is encoded anew from the pixels inside the scored box, so it shows exactly
what was scored and carries none of the file's metadata (trainers and tools write prompts, paths
and names into it). A file is read and decoded once, however many of its panels are wanted.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipstore.pictures.images import crop_pixels, read_picture
from clipstore.pictures.panels import decode_first_picture
from clipstore.types import Box, Problem

MINI_PX = 128
"""Longest side beside a verdict; shown at about 60 CSS pixels."""
FRAME_PX = 192
"""Longest side in a filmstrip, where there are many."""
LARGE_PX = 384
"""Longest side of the pictures to compare, where the budget allows it."""
WEBP_QUALITY = 75
FULL_QUALITY = 92
"""Of the panels that are written beside the page."""
WEBP_EFFORT = 2
"""Of Pillow's 0 to 6: 4 takes twice the time for pictures 4 to 6 % smaller."""
FILES_AT_ONCE = 32
"""Between two looks at what the thumbnails have cost so far."""
MAX_THREADS = 8
"""Each holds a decoded file, up to some 50 MB; Pillow and zlib work outside Python's lock."""

PanelSink = Callable[[str, bytes], None]
"""Takes a panel's file name and its WebP bytes."""


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


@dataclass(frozen=True)
class PanelWish:
    """One panel that the page wants to show."""

    path: Path
    box: Box
    side_px: int
    """Longest side of the thumbnail."""
    large_side_px: int | None = None
    """Longest side of a second, larger one; None for none."""
    full_name: str | None = None
    """Name under which the whole panel goes to the sink; None for not at all."""


@dataclass(frozen=True)
class MadePanel:
    """What became of a wish."""

    small: Thumbnail | NoThumbnail
    large: Thumbnail | None


def make_panels(
    wishes: Sequence[PanelWish],
    *,
    budget_bytes: int,
    now_ns: int,
    sink: PanelSink | None = None,
) -> list[MadePanel]:
    """Thumbnails for the wishes, the first ones first, until their data URLs fill the budget.

    What does not fit is `LEFT_OUT_FOR_SIZE`. With a sink every file is read, whatever the budget,
    and whole panels are handed over in a fixed order. Larger versions are made but not counted.
    """
    by_file: dict[Path, list[int]] = {}
    for i, wish in enumerate(wishes):
        by_file.setdefault(wish.path, []).append(i)
    files = list(by_file)
    made: dict[int, MadePanel] = {}
    left_bytes = budget_bytes

    def read(path: Path) -> _FilePanels:
        return _file_to_panels(
            path, {i: wishes[i] for i in by_file[path]}, now_ns=now_ns, with_full=sink is not None
        )

    with ThreadPoolExecutor(max(1, min(MAX_THREADS, os.cpu_count() or 1))) as pool:
        for start in range(0, len(files), FILES_AT_ONCE):
            if left_bytes <= 0 and sink is None:
                break
            for panels in pool.map(read, files[start : start + FILES_AT_ONCE]):
                made |= panels.made
                left_bytes -= sum(thumbnail_bytes(m.small) for m in panels.made.values())
                if sink is not None:
                    for name, content in panels.full:
                        sink(name, content)
    return _within(budget_bytes, [made.get(i, _LEFT_OUT) for i in range(len(wishes))])


def thumbnail_bytes(picture: Thumbnail | NoThumbnail) -> int:
    """What it costs the page."""
    return len(picture.data_url) if isinstance(picture, Thumbnail) else 0


_LEFT_OUT = MadePanel(LEFT_OUT_FOR_SIZE, None)


@dataclass(frozen=True)
class _FilePanels:
    made: Mapping[int, MadePanel]
    full: tuple[tuple[str, bytes], ...] = ()


def _within(budget_bytes: int, made: Sequence[MadePanel]) -> list[MadePanel]:
    """The first ones that fit together; a broken file costs nothing and stays."""
    kept, left_bytes = [], budget_bytes
    for panel in made:
        left_bytes -= thumbnail_bytes(panel.small)
        fits = left_bytes >= 0 or not isinstance(panel.small, Thumbnail)
        kept.append(panel if fits else _LEFT_OUT)
    return kept


def _file_to_panels(
    path: Path, wishes: Mapping[int, PanelWish], *, now_ns: int, with_full: bool
) -> _FilePanels:
    def without(why: str) -> _FilePanels:
        return _FilePanels({i: MadePanel(NoThumbnail(why), None) for i in wishes})

    raw = read_picture(path, now_ns=now_ns)
    if isinstance(raw, Problem):
        is_gone = raw.reason == "vanished"
        return without("the file is no longer there" if is_gone else "the file cannot be read")
    decoded = decode_first_picture(raw, now_ns=now_ns)
    if isinstance(decoded, Problem):
        return without("the file cannot be decoded")
    made: dict[int, MadePanel] = {}
    full: list[tuple[str, bytes]] = []
    for i, wish in wishes.items():
        if not _fits(wish.box, decoded.rgb):
            made[i] = MadePanel(NoThumbnail("the file has changed since it was scored"), None)
            continue
        panel = Image.fromarray(crop_pixels(decoded.rgb, wish.box))
        made[i] = MadePanel(
            _to_thumbnail(panel, wish.side_px),
            _to_thumbnail(panel, wish.large_side_px)
            if wish.large_side_px is not None and max(panel.size) > wish.side_px
            else None,
        )
        if with_full and wish.full_name is not None:
            full.append((wish.full_name, _to_webp(panel, FULL_QUALITY)))
    return _FilePanels(made, tuple(full))


def _fits(box: Box, rgb: NDArray[np.uint8]) -> bool:
    height_px, width_px = rgb.shape[:2]
    return bool(0 <= box.left < box.right <= width_px and 0 <= box.top < box.bottom <= height_px)


def _to_thumbnail(panel: Image.Image, side_px: int) -> Thumbnail:
    image = panel.copy()
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    encoded = base64.b64encode(_to_webp(image, WEBP_QUALITY)).decode("ascii")
    return Thumbnail(f"data:image/webp;base64,{encoded}", image.width, image.height)


def _to_webp(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=WEBP_EFFORT)
    return buffer.getvalue()
