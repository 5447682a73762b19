"""Reads the few words that SimpleTuner draws into its composites.

Invariant: a word is reported only when its letters are there, white inside a black outline, at the
place where the trainer draws them. Letters are told by what all sans-serif fonts share (which ones
rise, which ones descend, which enclose a hole), so no font has to be installed; only the tiny
fallback font, too thin for that, is compared with the copy of it that Pillow carries. Being sure
matters more than reading: what is not clear is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.letters import WORD_GAP_PX, Letter, letters_on_one_line, outlined_letters
from clipstore.pictures.tiny_font import ORIGIN_PX, contains_tiny_prompt, match_tiny_word

Pixels = NDArray[np.uint8]
Word = Literal["ema", "step", "base", "checkpoint", "input", "output", "unknown"]

LABEL_OFFSET_PX = 10
"""The trainer draws a label this far right of its panel's edge and below the picture's top."""
LABEL_ROWS = (6, 62)
"""Rows that a label can touch, outline included: fonts of 28 and 36 px, descenders as well."""
OLD_LETTER_HEIGHT_PX = 24
"""Rising letters are 20-22 px high in the 28 px font (since v2.0.1), 26-27 in the 36 px one."""

_WINDOW_WIDTH_PX = 250
_LEFT_BEARING_PX = (-1, 7)
_TINY_WORDS: Mapping[str, Word] = {
    "EMA": "ema",
    "step": "step",
    "base": "base",
    "checkpoint": "checkpoint",
    "input": "input",
    "output": "output",
}
_PROMPT_BAND_PX = 160
_PROMPT_HALF_WIDTH_PX = 400
_PROMPT_MIN_LETTERS = 5
_OFF_CENTRE_PX = 16
"""Half of a colon and a space at the end, which are centred along but not seen as letters."""
_TINY_BAND_PX = 64


class Label(NamedTuple):
    """A word found at the top left of a panel."""

    word: Word
    letter_height_px: int
    """Height of its rising letters; 0 for the tiny fallback font."""


def read_label(pixels: Pixels, left: int, panel_width: int, *, is_lossy: bool) -> Label | None:
    """The label of the panel whose left edge is `left`; None when there is none.

    Letters that make no known word are reported as "unknown": a label is there.

    `pixels` is (height, width, 3). Labels are drawn at the top of the canvas, wherever the panel
    itself begins. A word cut off by a narrow panel is recognised by its first letters.
    """
    top, bottom = LABEL_ROWS
    right = min(left + panel_width, left + _WINDOW_WIDTH_PX)
    letters = letters_on_one_line(
        outlined_letters(pixels[top:bottom, left:right], is_lossy=is_lossy)
    )
    word = _letters_to_word(letters)
    if word is not None:
        return Label(word, max(letter.bottom - letter.top for letter in letters[:5]))
    corner = LABEL_OFFSET_PX - ORIGIN_PX
    place = pixels[corner:bottom, left + corner : left + _WINDOW_WIDTH_PX]
    tiny = match_tiny_word(place, tuple(_TINY_WORDS), is_lossy=is_lossy)
    if tiny is not None:
        return Label(_TINY_WORDS[tiny], 0)
    return Label("unknown", 0) if _begins_a_label(letters) and len(letters) >= 2 else None


def has_overlaid_prompt(pixels: Pixels, *, is_lossy: bool) -> bool:
    """Whether "Prompt: ..." is drawn over the bottom of the picture, as v2.0.1 to v3.1.2 did.

    `pixels` is the picture without a footer, (height, width, 3). The text is centred on the whole
    picture; words inside one panel are not taken for it.
    """
    height, width = pixels.shape[:2]
    left = max(0, width // 2 - _PROMPT_HALF_WIDTH_PX)
    band = pixels[max(0, height - _PROMPT_BAND_PX) :, left : left + 2 * _PROMPT_HALF_WIDTH_PX]
    letters = outlined_letters(band, is_lossy=is_lossy)
    for baseline in {letter.bottom for letter in letters}:
        line = [letter for letter in letters if abs(baseline - letter.bottom) <= 9]
        on_line = sum(abs(letter.bottom - baseline) <= 1 for letter in line)
        if on_line >= _PROMPT_MIN_LETTERS and _is_centred(line, width / 2 - left, band.shape[1]):
            return True
    return has_tiny_prompt(pixels, is_lossy=is_lossy)


def has_tiny_prompt(pixels: Pixels, *, is_lossy: bool) -> bool:
    """The same for the fallback font. After compression it cannot be told; then False."""
    height, width = pixels.shape[:2]
    left = max(0, width // 2 - _PROMPT_HALF_WIDTH_PX)
    band = pixels[max(0, height - _TINY_BAND_PX) :, left : width // 2 + _PROMPT_HALF_WIDTH_PX]
    return not is_lossy and contains_tiny_prompt(band, width / 2 - left)


def _is_centred(line: list[Letter], centre: float, width: int) -> bool:
    """Whether letters lie around the centre without a hole, or run from edge to edge."""
    near = [letter for letter in line if letter.left - 20 < centre < letter.right + 20]
    if not near:
        return False
    first = last = line.index(near[0])
    while first and line[first].left - line[first - 1].right < WORD_GAP_PX:
        first -= 1
    while last + 1 < len(line) and line[last + 1].left - line[last].right < WORD_GAP_PX:
        last += 1
    left, right = line[first].left, line[last].right
    return abs((left + right) / 2 - centre) <= _OFF_CENTRE_PX or (left < 60 and right > width - 60)


# One sign per letter: x small, t rising a little or fully, h fully, p descending, i dotted; and how
# many holes it encloses.
_SHAPES: tuple[tuple[Word, str, tuple[int, ...]], ...] = (
    ("step", "xtxp", (0, 0, 1, 1)),
    ("base", "hxxx", (1, 1, 0, 1)),
    ("checkpoint", "xhxxh", (0, 0, 1, 0, 0)),
    ("input", "ixpxt", (0, 0, 1, 0, 0)),
    ("output", "xxtpxt", (1, 0, 0, 1, 0, 0)),
)


def _begins_a_label(letters: list[Letter]) -> bool:
    low, high = _LEFT_BEARING_PX
    return bool(letters) and low <= letters[0].left - LABEL_OFFSET_PX <= high


def _letters_to_word(letters: list[Letter]) -> Word | None:
    if not _begins_a_label(letters):
        return None
    if _is_ema(letters):
        return "ema"
    for word, signs, holes in _SHAPES:
        head = letters[: len(signs)]
        if len(head) == len(signs) and _have_signs(head, signs, holes):
            return word
    return None


def _is_ema(letters: list[Letter]) -> bool:
    if len(letters) != 3 or [letter.holes for letter in letters] != [0, 0, 1]:
        return False
    tops = [letter.top for letter in letters]
    bottoms = [letter.bottom for letter in letters]
    widths = [letter.right - letter.left for letter in letters]
    level = max(tops) - min(tops) <= 1 and max(bottoms) - min(bottoms) <= 1
    return level and widths[0] == min(widths) and bottoms[0] - tops[0] >= 16


def _have_signs(letters: list[Letter], signs: str, holes: tuple[int, ...]) -> bool:
    if tuple(letter.holes for letter in letters) != holes:
        return False
    small = [letter for letter, sign in zip(letters, signs, strict=True) if sign == "x"]
    line = float(np.median([letter.bottom for letter in small]))
    top = float(np.median([letter.top for letter in small]))
    x_height = line - top
    if x_height < 8:
        return False
    for letter, sign in zip(letters, signs, strict=True):
        above, below = top - letter.top, letter.bottom - line
        fits = {
            "x": abs(above) <= 1.5 and abs(below) <= 1.5,
            "t": above >= 0.12 * x_height and abs(below) <= 1.5,
            "h": above >= 0.2 * x_height and abs(below) <= 1.5,
            "i": above >= 0.2 * x_height and abs(below) <= 1.5 and letter.parts == 2,
            "p": abs(above) <= 1.5 and below >= 0.2 * x_height,
        }[sign]
        if not fits:
            return False
    return True
