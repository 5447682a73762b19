"""Recognises text in the font that is built into Pillow, which SimpleTuner falls back to.

Invariant: the font is compared with itself, as Pillow draws it here; no font file is needed. At
10 px its letters are too thin to be told by their shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from clipstore.pictures.channels import brightest_channel, darkest_channel

ORIGIN_PX = 4


@cache
def _tiny_text(text: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels of Pillow's built-in font are surely bright and surely black, whatever is
    below: two masks (height, width), with the text's origin ORIGIN_PX from their corner."""
    font = ImageFont.load_default()
    drawn = []
    for background in (0, 255):
        image = Image.new("L", (12 * len(text) + 8, 24), background)
        ImageDraw.Draw(image).text(
            (ORIGIN_PX, ORIGIN_PX), text, fill=255, font=font, stroke_width=2, stroke_fill=0
        )
        drawn.append(np.asarray(image))
    on_black, on_white = drawn
    settled = on_black == on_white
    return settled & (on_black >= 160), settled & (on_black <= 20)


def match_tiny_word(
    place: NDArray[np.uint8], words: Sequence[str], *, is_lossy: bool
) -> str | None:
    """Which of the words is drawn with its origin ORIGIN_PX right of and below `place`'s corner.

    `place` is (height, width, 3) and at least as large as the word; else the word is not there.
    """
    bright_from, black_to = (120, 70) if is_lossy else (150, 30)
    for word in words:
        bright, black = _tiny_text(word)
        height, width = bright.shape
        part = place[:height, :width]
        if part.shape[:2] != bright.shape:
            continue
        bright_share = float((darkest_channel(part)[bright] >= bright_from).mean())
        black_share = float((brightest_channel(part)[black] <= black_to).mean())
        if min(bright_share, black_share) >= 0.9:
            return word
    return None


def contains_tiny_prompt(band: NDArray[np.uint8], centre: float) -> bool:
    """Whether "Prompt:" in the tiny font is in the left half: the text is centred."""
    bright, black = _tiny_text("Prompt:")
    height, width = bright.shape
    rows = band.shape[0] - height + 1
    columns = min(int(centre), band.shape[1] - width + 1)
    if rows < 1 or columns < 1:
        return False
    possible = np.ones((rows, columns), dtype=bool)
    for mask, wanted in (
        (bright, darkest_channel(band) >= 150),
        (black, brightest_channel(band) <= 30),
    ):
        for y, x in np.argwhere(mask):
            possible &= wanted[y : y + rows, x : x + columns]
    return bool(possible.any())
