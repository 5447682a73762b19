"""Recognises the black footer with the prompt that SimpleTuner appends below a composite.

Invariant: a footer is told from a dark picture by where its text lies. The text begins 10 px below
the footer's top plus the font's own gap, and the footer ends 10 px below it; a line too wide is
shrunk and centred. So the footer's first row is known to less than the 16 px by which content
heights differ.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.channels import brightest_channel

FooterEvidence = Literal["text", "dark"]
"""What shows where the footer begins: its text's place, or only that it is dark from there on."""

_MIN_HEIGHT_PX = 26
_MAX_HEIGHT_PX = 900
_MAX_FAINT_HEIGHT_PX = 110
"""A long prompt is shrunk to a line that compression may swallow; it has one to three lines."""
_ABOVE_TEXT_PX = (5, 24)
_OFF_CENTRE_PX = (-8, 14)
_CLEAR_ROWS_PX = 5
"""Margin of 10 px less what accents on capitals rise above the line."""
_CLEAR_COLUMNS_PX = 8
"""Margin of 10 px less the letters' slack."""


def find_footer(pixels: NDArray[np.uint8], top: int, *, is_lossy: bool) -> FooterEvidence | None:
    """What shows that the rows from `top` on are a footer; None when they are not, or are none.

    `pixels` is (height, width, 3).
    """
    height = pixels.shape[0] - top
    if not _MIN_HEIGHT_PX <= height <= _MAX_HEIGHT_PX:
        return None
    # Compression lets the picture above ring into the first rows.
    blur = 2 if is_lossy else 0
    black_to = 60 if is_lossy else 0
    if int(pixels[top + blur].max()) > black_to:
        return None
    footer = brightest_channel(pixels[top:])
    columns = _CLEAR_COLUMNS_PX // 2 if is_lossy else _CLEAR_COLUMNS_PX
    clear = (footer[blur:_CLEAR_ROWS_PX], footer[blur:, :columns], footer[blur:, -columns:])
    if any(int(part.max()) > black_to for part in clear):
        return None
    is_inked = (footer[blur:] > (64 if is_lossy else 16)).any(axis=1)
    inked = np.flatnonzero(is_inked) + blur
    if not inked.size:  # exact pixels show every prompt, however small it was shrunk
        return "dark" if is_lossy and height <= _MAX_FAINT_HEIGHT_PX else None
    above, below = int(inked[0]), height - 1 - int(inked[-1])
    return "text" if _text_fits(above, below) else None


def _text_fits(above: int, below: int) -> bool:
    """Whether text with so many dark rows above and below is where the trainer draws it.

    Fonts differ in their gap above letters, accents reach into it, and blank lines at the end of a
    prompt leave more below.
    """
    low, high = _ABOVE_TEXT_PX
    drawn_at_size = low <= above <= high
    low, high = _OFF_CENTRE_PX
    shrunk_and_centred = low <= above - below <= high
    return drawn_at_size or shrunk_and_centred
