"""Which arrangements of panels a composite's size and lines allow.

Invariant: a `Fit` is returned only when every line, margin and footer that the arrangement predicts
is in the pixels. It says where panels lie, not whose pictures they are. The arithmetic is
SimpleTuner's: separators of 5 px in (200, 200, 200), a white canvas, and from v2.1 on one white
column or row more where a stitched size does not divide by 16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.drawn_text import LABEL_ROWS
from clipstore.pictures.footers import FooterEvidence, find_footer
from clipstore.pictures.separators import (
    GREY,
    SEPARATOR_PX,
    WHITE,
    ends_in_black,
    fits_better_beside,
    grey_length,
    is_inside_grey,
    is_line,
    rows_of_line,
)
from clipstore.types import Box, Size

Pixels = NDArray[np.uint8]
Kind = Literal[
    "single",
    "side_by_side",
    "pair",
    "pair_padded",
    "triple",
    "triple_white",
    "triple_padded",
    "base_ema",
    "quad_padded",
    "quad_white",
]

_MIN_INPUT_WIDTH_PX = 32
_BLURRED_ROWS = 4
"""Margins this low say nothing after lossy compression."""
_KINDS_OF_ANY_HEIGHT: tuple[Kind, ...] = ("pair", "triple", "triple_padded", "quad_padded")
"""Arrangements with an input panel, which may be higher than the others."""


@dataclass(frozen=True)
class Grid:
    """An arrangement along the width, for panels of one known width."""

    kind: Kind
    lefts: tuple[int, ...]
    """Left edges of the panels of the known width, in order; an input panel is not among them
    unless it is as wide as they are."""
    greys: tuple[int, ...] = ()
    """Left edges of the grey separators."""
    whites: tuple[int, ...] = ()
    """Left edges of separators that were left white."""
    padding: tuple[int, ...] = ()
    """Columns that rounding left white."""
    input_width: int | None = None
    """Width of the panel at the left, where it may be a conditioning input."""


@dataclass(frozen=True)
class Fit:
    """A grid that the pixels confirm, with the panels' boxes in the order of `Grid.lefts`."""

    grid: Grid
    size: Size
    boxes: tuple[Box, ...]
    content_height: int
    """Rows above the footer."""
    footer: FooterEvidence | None
    """None without a footer."""

    @property
    def is_regular(self) -> bool:
        """All panels, an input included, have the same width: the size explains itself."""
        return self.grid.input_width in (None, self.size.width_px)


def round_up_once(length: int) -> int:
    """SimpleTuner's "divisible by 16" of v2.1 and later, which adds one pixel at most."""
    return length if length % 16 == 0 else length + 1


def width_to_grids(picture_width: int, width: int) -> Iterator[Grid]:
    """Every arrangement of panels `width` wide that fills `picture_width` pixels."""
    step = width + SEPARATOR_PX
    if picture_width == width:
        yield Grid("single", (0,))
    if picture_width == 2 * width:
        yield Grid("side_by_side", (0, width))
    if picture_width == 2 * width + 6:
        yield Grid("pair_padded", (0, step), greys=(width,), padding=(picture_width - 1,))
    if picture_width == 3 * width + 12:
        yield Grid(
            "base_ema",
            (0, step, 2 * width + 11),
            greys=(width, 2 * width + 6),
            padding=(2 * width + 5, picture_width - 1),
        )
    yield from _grids_with_input(picture_width, width)


def _grids_with_input(picture_width: int, width: int) -> Iterator[Grid]:
    step = width + SEPARATOR_PX
    for separators in (1, 2):
        first = picture_width - separators * step  # without padding; also the input's width
        if first < _MIN_INPUT_WIDTH_PX:
            continue
        greys = tuple(first + n * step for n in range(separators))
        lefts = ((0,) if first == width else ()) + tuple(x + SEPARATOR_PX for x in greys)
        yield Grid("pair" if separators == 1 else "triple", lefts, greys, input_width=first)
        if separators == 2 and first == width:
            yield Grid("triple_white", lefts, greys[:1], whites=greys[1:], input_width=first)
    if picture_width == 4 * width + 15:
        greys = (width, width + step)
        lefts = (step, 2 * step, 3 * step)
        yield Grid("quad_white", lefts, greys, whites=(width + 2 * step,), input_width=width)
    for padding in (0, 1):
        canvas = picture_width - padding
        if round_up_once(canvas) != picture_width:
            continue
        columns = (picture_width - 1,) if padding else ()
        for separators in (2, 3):
            first = canvas - separators * step
            # Without padding three panels look like "triple", and that knows what they can be.
            if first < _MIN_INPUT_WIDTH_PX or (separators == 2 and not padding):
                continue
            greys = tuple(first + n * step for n in range(separators))
            lefts = tuple(x + SEPARATOR_PX for x in greys)
            kind: Kind = "triple_padded" if separators == 2 else "quad_padded"
            yield Grid(kind, lefts, greys, padding=columns, input_width=first)


def fit_grid(pixels: Pixels, grid: Grid, size: Size, *, is_lossy: bool) -> Fit | None:
    """The grid with the boxes of its panels, or None when the pixels contradict it.

    `pixels` is (height, width, 3); `size` is that of one panel.
    """
    for content_height in _content_heights(pixels, grid, size, is_lossy=is_lossy):
        footer = find_footer(pixels, content_height, is_lossy=is_lossy)
        if footer is None and (
            content_height != pixels.shape[0] or any(ends_in_black(pixels, x) for x in grid.greys)
        ):
            continue
        content = pixels[:content_height]
        if not _lines_are_there(
            content, grid, size, has_footer=footer is not None, is_lossy=is_lossy
        ):
            continue
        boxes = _panel_boxes(content, grid, size)
        fit = Fit(grid, size, boxes, content_height, footer)
        if fit.is_regular and content_height <= size.height_px + 1:
            return fit
        has_footer = footer is not None
        if _margins_are_white(content, boxes, has_footer=has_footer, is_lossy=is_lossy):
            # With white inside the boxes as well, another height would only be a worse guess.
            return None if any(_lies_on_white(content, box) for box in boxes) else fit
    return None


def _content_heights(pixels: Pixels, grid: Grid, size: Size, *, is_lossy: bool) -> list[int]:
    height = pixels.shape[0]
    heights = [size.height_px]
    if size.height_px % 16 and grid.padding:
        heights.append(size.height_px + 1)
    if grid.kind in _KINDS_OF_ANY_HEIGHT:
        measured = max(grey_length(pixels, left, is_lossy=is_lossy) for left in grid.greys)
        heights += [measured, measured + 1, height]
        if is_lossy and measured < height:  # a blurred footer also seems to begin a row off
            heights = [one for one in heights if abs(one - measured) <= 1]
    return [one for one in dict.fromkeys(heights) if size.height_px <= one <= height]


def _lines_are_there(
    content: Pixels, grid: Grid, size: Size, *, has_footer: bool, is_lossy: bool
) -> bool:
    # Panels of one width put the separators where arithmetic says; beside an input of any width a
    # line a few pixels off would make another arrangement.
    all_rows = rows_of_line(content, has_footer=has_footer)
    is_regular = grid.input_width in (None, size.width_px)
    for left, colour in [(x, GREY) for x in grid.greys] + [(x, WHITE) for x in grid.whites]:
        rows = all_rows
        if left != grid.greys[-1]:
            # The last row may be padding, which the separators of an inner canvas do not reach.
            rows = rows[rows < content.shape[0] - 1]
        if not is_line(content, left, rows, colour, is_lossy=is_lossy):
            return False
        is_elsewhere = is_lossy and fits_better_beside(content, left, rows, colour)
        if not is_regular and (is_elsewhere or is_inside_grey(content, left, rows)):
            return False
    return is_lossy or all(bool((content[all_rows, x] == WHITE).all()) for x in grid.padding)


def _panel_boxes(content: Pixels, grid: Grid, size: Size) -> tuple[Box, ...]:
    outer = content.shape[0]
    inner = _inner_height(content, grid) if outer > size.height_px else outer
    boxes = []
    for index, left in enumerate(grid.lefts):
        # The EMA panel is stitched on last, onto the canvas that may have got one more row.
        is_ema = inner != outer and index == len(grid.lefts) - 1
        top = ((outer if is_ema else inner) - size.height_px) // 2
        boxes.append(Box(left, top, left + size.width_px, top + size.height_px))
    if grid.input_width == size.width_px and outer > size.height_px + 1:
        boxes = [box for box in boxes if box.left > 0]
    return tuple(boxes)


def _inner_height(content: Pixels, grid: Grid) -> int:
    """Height of the canvas before the EMA panel was stitched on, which may have added one row.

    A height that does not divide by 16 has been rounded up; else the lines of the inner canvas
    tell whether they reach the last row.
    """
    outer = len(content)
    if grid.kind in ("triple_padded", "quad_padded") and outer % 16:
        return outer - 1
    if grid.kind in ("triple", "triple_padded", "quad_padded"):
        last_row = content[outer - 1, grid.greys[0] + 1 : grid.greys[0] + 4]
        return outer - 1 if float(last_row.mean()) > (GREY + WHITE) / 2 else outer
    return outer


def _margins_are_white(
    content: Pixels, boxes: tuple[Box, ...], *, has_footer: bool, is_lossy: bool
) -> bool:
    """Whether panels lower than the canvas lie on white, but for words drawn over it."""
    white_from, share = (WHITE - 30, 0.9) if is_lossy else (WHITE, 1.0)
    for box in boxes:
        columns = slice(box.left, box.right)
        margins = (
            (content[: min(LABEL_ROWS[0], box.top), columns], share),
            (content[LABEL_ROWS[1] : box.top, columns], share),
            (content[box.bottom :, columns], share if has_footer else 0.3),
        )
        for margin, white_share in margins:
            is_blurred = is_lossy and margin.shape[0] <= _BLURRED_ROWS
            if margin.size and not is_blurred and _white_share(margin, white_from) < white_share:
                return False
    return True


def _white_share(part: Pixels, white_from: int) -> float:
    return float((part >= white_from).all(axis=2).mean())


def _lies_on_white(content: Pixels, box: Box) -> bool:
    """Whether a lower panel lies centred in the box: a multiple of 16 high, on white."""
    part = content[box.top : box.bottom, box.left : box.right]
    is_white: NDArray[np.bool_] = np.all(part >= WHITE - 10, axis=(1, 2))
    inked = np.flatnonzero(~is_white)
    if not inked.size:
        return False
    margin = box.height_px - 1 - int(inked[-1])
    above = is_white[: min(margin, max(0, LABEL_ROWS[0] - box.top))]
    return margin > 0 and (box.height_px - 2 * margin) % 16 in (0, 1, 15) and bool(above.all())
