"""The panels of SimpleTuner's videos: composites in every frame, stretched by the encoder.

Invariant: the encoder stretches a frame to the next multiples of 16 and no further, so only few
sizes can be the one that was drawn, and a cut is made only where these agree on the trained panel.
Boxes are in the file's own pixels. Source: imageio's `macro_block_size`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipstore.pictures.channels import brightest_channel
from clipstore.pictures.composites import Refusal, find_panels
from clipstore.types import Box, CompositeHints, Cut, PanelCut, Size

BLOCK_PX = 16
NOTE = "video_stretched"
_BLACK_TO = 60
"""Compression lets a black footer ring so far."""
_CLEAR_ROWS_PX = 5
_SIDE_PX = 4
_SAME_PX = 2
"""Two sizes a pixel apart put a box so far from where the other puts it."""


def find_video_panels(
    frame: NDArray[np.uint8], hints: CompositeHints, base_frame: NDArray[np.uint8] | None
) -> Cut | Refusal:
    """The panels of a video by its first frame, (height, width, 3), for all of its frames.

    `base_frame` is the first frame of the base model's video, if it can be read.
    """
    height, width = frame.shape[:2]
    cuts: list[Cut] = []
    refused: Refusal | None = None
    for drawn in _drawn_sizes(frame, hints):
        image = Image.fromarray(frame).resize(drawn, Image.Resampling.BICUBIC)
        found = find_panels(np.asarray(image), hints, is_lossy=True, base_pixels=base_frame)
        if isinstance(found, Cut):
            cuts.append(_stretched(found, drawn, Size(width, height)))
        else:
            refused = found
    if not cuts:
        return refused or Refusal(
            "video_not_cut",
            f"its frames of {width} x {height} pixels are none of the sizes that the trainer "
            "draws around panels of the size in its name; it is left out.",
        )
    best = max(cuts, key=lambda cut: cut.confidence)
    if any(not _same_place(_trained(cut), _trained(best)) for cut in cuts):
        return Refusal("ambiguous", "its frames can be cut in more than one way; it is left out.")
    return best


def _drawn_sizes(frame: NDArray[np.uint8], hints: CompositeHints) -> Iterator[Size]:
    width = frame.shape[1]
    named = [size for size in (hints.label_size, *hints.panel_sizes) if size is not None]
    panels = dict.fromkeys(Size(_rounded(one.width_px), _rounded(one.height_px)) for one in named)
    seen = set()
    for panel in panels:
        w = panel.width_px
        for drawn in (
            w,
            *(2 * w + s for s in (5, 6)),
            *(3 * w + s for s in (10, 11, 12)),
            4 * w + 16,
        ):
            drawn_height = _drawn_height(frame, panel.height_px)
            size = None if drawn_height is None else Size(drawn, drawn_height)
            if _to_block(drawn) == width and size is not None and size not in seen:
                seen.add(size)
                yield size


def _drawn_height(frame: NDArray[np.uint8], panel_height: int) -> int | None:
    """The composite's height, from where its footer begins in the stretched frame."""
    height = frame.shape[0]
    if _to_block(panel_height) == height:
        return panel_height
    bright = brightest_channel(frame)
    sides = np.maximum(bright[:, :_SIDE_PX].max(axis=1), bright[:, -_SIDE_PX:].max(axis=1))
    light = np.flatnonzero(sides > _BLACK_TO)
    rows_dark = bright.max(axis=1) <= _BLACK_TO
    first = int(light[-1]) + 1 if light.size else 0
    for top in range(first, height - _CLEAR_ROWS_PX):
        if rows_dark[top : top + _CLEAR_ROWS_PX].all():
            drawn = round(panel_height * height / top) if top else 0
            return drawn if panel_height < drawn and _to_block(drawn) == height else None
    return None


def _stretched(cut: Cut, drawn: Size, file: Size) -> Cut:
    """The cut in the file's pixels: whole pixels inside the stretched boxes."""
    x, y = file.width_px / drawn.width_px, file.height_px / drawn.height_px
    panels = tuple(
        PanelCut(
            one.panel,
            Box(
                math.ceil(one.box.left * x),
                math.ceil(one.box.top * y),
                math.floor(one.box.right * x),
                math.floor(one.box.bottom * y),
            ),
        )
        for one in cut.panels
    )
    notes = cut.notes if drawn == file else (*cut.notes, NOTE)
    return replace(cut, panels=panels, notes=notes)


def _trained(cut: Cut) -> Box:
    return next(one.box for one in cut.panels if one.panel == "checkpoint")


def _same_place(one: Box, other: Box) -> bool:
    return all(abs(a - b) <= _SAME_PX for a, b in zip(one, other, strict=True))


def _rounded(side_px: int) -> int:
    """A nominal side as the trainer draws it since v1.3.1, which is when videos came."""
    return max(BLOCK_PX, BLOCK_PX * round(side_px / BLOCK_PX))


def _to_block(length: int) -> int:
    return -(-length // BLOCK_PX) * BLOCK_PX
