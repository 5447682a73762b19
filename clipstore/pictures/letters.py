"""Finds letters in pixels: white shapes that a dark outline surrounds.

Invariant: a shape counts only when its whole rim is dark within a pixel or two, whatever lies
behind; so photographs rarely have any, and the text drawn by SimpleTuner always does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from clipstore.pictures.channels import brightest_channel, brightness, darkest_channel

WORD_GAP_PX = 28
"""Letters further apart do not belong together: two spaces of a 36 px font."""
_OUTLINE_PX = 2
_MIN_HEIGHT_PX = 9
_MAX_HEIGHT_PX = 40
_MAX_WIDTH_PX = 44
_MAX_DOT_GAP_PX = 8


class Letter(NamedTuple):
    """One letter's place in the window it was found in, and what tells it from others."""

    left: int
    top: int
    right: int
    bottom: int
    holes: int
    """Enclosed areas: one in an e, two in a B."""
    parts: int
    """Two for an i, else one."""


def outlined_letters(window: NDArray[np.uint8], *, is_lossy: bool) -> list[Letter]:
    """White shapes that a dark outline surrounds, from left to right; dots join their stems."""
    if is_lossy:
        light = brightness(window)
        white, dark = light >= 150, light <= 110
    else:
        white, dark = darkest_channel(window) >= 150, brightest_channel(window) <= 90
    labelled, _ = ndimage.label(white, structure=np.ones((3, 3), dtype=bool))
    found = [
        (index, rows, columns)
        for index, (rows, columns) in enumerate(ndimage.find_objects(labelled), start=1)
        if rows.start >= _OUTLINE_PX
        and columns.start >= _OUTLINE_PX
        and rows.stop <= window.shape[0] - _OUTLINE_PX
        and columns.stop <= window.shape[1] - _OUTLINE_PX
        and rows.stop - rows.start <= _MAX_HEIGHT_PX
        and 2 <= columns.stop - columns.start <= _MAX_WIDTH_PX
    ]

    tall = [one for one in found if one[1].stop - one[1].start >= _MIN_HEIGHT_PX]
    if not tall:
        return []
    # Letter and outline are blended where they meet, and the outline may be one pixel wide: next
    # to every pixel of a letter's rim there must be a dark one.
    near_dark = ndimage.binary_dilation(dark)
    outlined_share = 0.9 if is_lossy else 0.95

    def outlined(index: int, rows: slice, columns: slice) -> Letter | None:
        around = (
            slice(rows.start - 1, rows.stop + 1),
            slice(columns.start - 1, columns.stop + 1),
        )
        shape = labelled[around] == index
        rim = ndimage.binary_dilation(shape) & ~shape
        if near_dark[around][rim].mean() < outlined_share:
            return None
        _, holes = ndimage.label(ndimage.binary_fill_holes(shape) & ~shape)
        return Letter(columns.start, rows.start, columns.stop, rows.stop, holes, 1)

    stems = [letter for one in tall if (letter := outlined(*one)) is not None]
    dots = [
        letter
        for one in found
        if 2 <= one[1].stop - one[1].start < _MIN_HEIGHT_PX
        and any(
            abs(one[2].start - stem.left) <= 2
            and abs(one[2].stop - stem.right) <= 2
            and 0 < stem.top - one[1].stop <= _MAX_DOT_GAP_PX
            for stem in stems
        )
        and (letter := outlined(*one)) is not None
    ]
    return _join_dots(sorted(stems + dots))


def _join_dots(shapes: list[Letter]) -> list[Letter]:
    """One letter for a dot and the stem below it; light pockets inside a letter's holes go."""
    letters: list[Letter] = []
    for shape in shapes:
        last = letters[-1] if letters else None
        if last is None or shape.left >= last.right - 1:
            letters.append(shape)
        elif shape.bottom <= last.top or shape.top >= last.bottom:
            letters[-1] = Letter(
                last.left,
                min(last.top, shape.top),
                max(last.right, shape.right),
                max(last.bottom, shape.bottom),
                last.holes + shape.holes,
                last.parts + 1,
            )
    return letters


def letters_on_one_line(shapes: list[Letter]) -> list[Letter]:
    """The letters up to the first gap wider than two spaces, without the light pockets that
    outlines enclose between letters: those end above the line that letters stand on."""
    tall = [shape for shape in shapes if shape.bottom - shape.top >= _MIN_HEIGHT_PX]
    if not tall:
        return []
    bottoms = [shape.bottom for shape in tall]
    baseline = max(bottoms, key=bottoms.count)
    line: list[Letter] = []
    for shape in tall:
        if shape.bottom < baseline - 2:
            continue
        if line and shape.left - line[-1].right > WORD_GAP_PX:
            break
        line.append(shape)
    return line
