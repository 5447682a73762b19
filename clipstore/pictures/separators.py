"""Recognises the lines that SimpleTuner rules between panels, exact in PNG and blurred in JPEG.

Invariant: nothing here knows where lines should be; it answers for one place. Rows where labels or
an overlaid prompt may cross a line are left out of every test.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.channels import brightness
from clipstore.pictures.drawn_text import LABEL_ROWS

SEPARATOR_PX = 5
GREY = 200
WHITE = 255
_SHORTEST_FOOTER_PX = 20
_OVERLAY_SHARE = 0.55
"""Prompt text drawn over a picture may break lines in this lower part of it."""
_OVERLAID_HEIGHT_PX = 192
"""In pictures as low as this the prompt's lines may reach up to the labels."""


def grey_bars(pixels: NDArray[np.uint8], *, is_lossy: bool) -> list[int]:
    """Left edges of the vertical grey bars exactly as wide as a separator."""
    widths = range(3, 8) if is_lossy else (SEPARATOR_PX,)
    return [
        (start + stop - SEPARATOR_PX) // 2
        for start, stop in grey_stretches(pixels, is_lossy=is_lossy)
        if stop - start in widths and start > 0 and stop < pixels.shape[1]
    ]


def grey_stretches(pixels: NDArray[np.uint8], *, is_lossy: bool) -> list[tuple[int, int]]:
    """First and last (exclusive) columns of everything that is grey from top to bottom."""
    height = pixels.shape[0]
    upper = pixels[LABEL_ROWS[1] : max(int(height * (1 - _OVERLAY_SHARE)), LABEL_ROWS[1] + 1) : 7]
    if is_lossy:
        off = np.abs(upper.astype(np.int16) - GREY).max(axis=2)
        is_grey = off.mean(axis=0) <= 12
    else:
        is_grey = (upper == GREY).all(axis=(0, 2))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_grey.view(np.int8), [0])))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def grey_length(pixels: NDArray[np.uint8], left: int, *, is_lossy: bool) -> int:
    """How many rows from the top a separator at `left` goes down, labels drawn over it aside."""
    inner = pixels[:, left + 1 : left + 4]
    grey = inner.mean(axis=(1, 2)) > GREY / 2 if is_lossy else (inner == GREY).all(axis=(1, 2))
    below_label = LABEL_ROWS[1]
    ends = np.flatnonzero(~grey[below_label:])
    return pixels.shape[0] if ends.size == 0 else below_label + int(ends[0])


def rows_of_line(content: NDArray[np.uint8], *, has_footer: bool) -> NDArray[np.intp]:
    """The rows where nothing is drawn over a separator: neither a label nor a prompt."""
    height = content.shape[0]
    end = height if has_footer else int(height * (1 - _OVERLAY_SHARE))
    if not has_footer and height <= _OVERLAID_HEIGHT_PX:
        end = LABEL_ROWS[1]
    rows = np.r_[0 : LABEL_ROWS[0], LABEL_ROWS[1] : max(end, LABEL_ROWS[1])]
    return np.asarray(rows[rows < height])


def is_line(
    content: NDArray[np.uint8], left: int, rows: NDArray[np.intp], colour: int, *, is_lossy: bool
) -> bool:
    right = left + SEPARATOR_PX
    if not is_lossy:
        return bool((content[rows, left:right] == colour).all())
    inner = brightness(content[rows, left + 1 : right - 1])
    return abs(float(inner.mean()) - colour) <= 12 and float(inner.std()) <= 16


def is_inside_grey(content: NDArray[np.uint8], left: int, rows: NDArray[np.intp]) -> bool:
    """Whether a grey line lies within a grey area, so that it could lie anywhere in there."""
    sides = content[rows][:, [left - 1, left + SEPARATOR_PX]]
    return bool((np.abs(sides.astype(np.int16) - GREY) <= 2).all())


def ends_in_black(pixels: NDArray[np.uint8], left: int) -> bool:
    """Whether a separator stops above the picture's lower edge, so that there is a footer."""
    return float(pixels[-_SHORTEST_FOOTER_PX:, left + 1 : left + 4].mean()) < GREY / 5


def fits_better_beside(
    content: NDArray[np.uint8], left: int, rows: NDArray[np.intp], colour: int
) -> bool:
    """Whether a line blurred by compression lies one pixel further left or right."""
    around = brightness(content[rows, left - 1 : left + SEPARATOR_PX + 1])
    off = np.abs(around - colour).mean(axis=0)
    here = float(off[1:-1].mean())
    return here > 4 + min(float(off[:-2].mean()), float(off[2:].mean()))
