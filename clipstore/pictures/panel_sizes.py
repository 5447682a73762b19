"""Which panel sizes are worth trying on a composite, and who vouches for each.

Invariant: a size from the file name, the base picture or the config is a claim to be tested; a
size read off the picture itself is only proposed when the separators explain the whole width, or
a footer the whole height, and the area is near the one the file name promises: trainers that
change the aspect keep the area.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.footers import FooterEvidence, find_footer
from clipstore.pictures.panel_grid import Fit, Grid, fit_grid, width_to_grids
from clipstore.pictures.separators import grey_bars, grey_length, grey_stretches
from clipstore.types import Box, CompositeHints, Size

Source = Literal["label_size", "base_size", "config_size", "found_size"]

_ALIGNMENT_PX = 16
_MIN_PANEL_PX = 64
_DARK = 64
_AREA_TOLERANCE = 0.15
"""Rounding both sides to 64 px moves the area of a 512 x 512 picture by up to 13 %."""


class Claim(NamedTuple):
    """A panel size and who vouches for it."""

    size: Size
    source: Source


def known_sizes(
    hints: CompositeHints, base_size: Size | None, picture_size: Size
) -> tuple[Claim, ...]:
    """The claimed sizes with every rounding that a SimpleTuner version applied, best first.

    A file name that gives the size of the whole file is no claim about a panel: that is how
    pictures beyond the list of resolutions are named, composites included.
    """
    claims: list[Claim] = []
    config = [rounded for size in hints.panel_sizes for rounded in _roundings(size)]
    if hints.label_size is not None:
        is_vouched_for = hints.label_size in (*hints.panel_sizes, base_size)
        if hints.label_size != picture_size or is_vouched_for:
            claims += [Claim(size, "label_size") for size in _roundings(hints.label_size)]
    if base_size is not None:
        claims.append(Claim(base_size, "base_size"))
    claims += [Claim(size, "config_size") for size in config]
    distinct: dict[Size, Claim] = {}
    for claim in claims:
        distinct.setdefault(claim.size, claim)
    return tuple(distinct.values())


def is_label_size(label: Size | None, size: Size) -> bool:
    """Whether `size` is what a trainer makes of the size in the file name."""
    return label is not None and size in _roundings(label)


def free_fits(pixels: NDArray[np.uint8], hints: CompositeHints, *, is_lossy: bool) -> Iterator[Fit]:
    """Fits of sizes that nothing but the picture itself vouches for.

    Beside an input of any width a line inside a picture could be taken for a separator; so there
    the file name must promise the area, and no other line may be left over.
    """
    bars = grey_bars(pixels, is_lossy=is_lossy)
    picture_size = Size(pixels.shape[1], pixels.shape[0])
    names_a_panel = hints.label_size not in (None, picture_size)
    for size in _sizes_between_bars(pixels, bars, is_lossy=is_lossy):
        for grid in width_to_grids(pixels.shape[1], size.width_px):
            if grid.kind in ("single", "side_by_side"):
                continue
            fit = fit_grid(pixels, grid, size, is_lossy=is_lossy)
            if fit is None:
                continue
            if fit.is_regular or (
                names_a_panel and set(bars) <= set(grid.greys) and _fills_its_height(pixels, fit)
            ):
                yield fit
    # Without a label, a height that divides by 8 may be that of a picture without a footer.
    is_undivided = not grey_stretches(pixels, is_lossy=is_lossy)
    if is_undivided and (hints.label_size is not None or picture_size.height_px % 8):
        yield from _single_by_footer(pixels, is_lossy=is_lossy)


def area_agrees(label: Size | None, size: Size) -> bool:
    """Whether a size can be what became of the file name's one at another aspect."""
    if label is None:
        return True
    wanted = label.width_px * label.height_px
    return abs(size.width_px * size.height_px - wanted) <= _AREA_TOLERANCE * wanted


def _roundings(size: Size) -> tuple[Size, ...]:
    """The size as asked for, and as v1.3.1+ (to 16) and earlier versions (to 8 or 64) drew it."""
    rounded = [size]
    for unit in (16, 8, 64):
        rounded.append(Size(*(max(unit, unit * round(side / unit)) for side in size)))
    return tuple(dict.fromkeys(rounded))


def _sizes_between_bars(
    pixels: NDArray[np.uint8], bars: list[int], *, is_lossy: bool
) -> list[Size]:
    picture_width = pixels.shape[1]
    widths: list[int] = []
    heights: list[int] = []
    for index, bar in enumerate(bars):
        widths += [bar, picture_width - bar - 5, picture_width - bar - 6]
        widths += [later - bar - 5 for later in bars[index + 1 :]]
        length = grey_length(pixels, bar, is_lossy=is_lossy)
        heights += [length, length - 1] if pixels.shape[0] - length >= 26 else []
    if bars:
        widths += [(picture_width - extra) // n for n, extra in ((2, 6), (3, 12), (3, 10), (4, 16))]
        heights.append(pixels.shape[0])
    return [
        Size(width, height)
        for width in dict.fromkeys(widths)
        for height in dict.fromkeys(heights)
        if min(width, height) >= _MIN_PANEL_PX
        and width % _ALIGNMENT_PX == 0
        and height % _ALIGNMENT_PX == 0
    ]


def _fills_its_height(pixels: NDArray[np.uint8], fit: Fit) -> bool:
    """Whether no white margin shows below the panels: they may be lower than the input."""
    return all(
        bool((pixels[box.bottom - 1, box.left : box.right] < 240).any()) for box in fit.boxes
    )


def may_have_footer(pixels: NDArray[np.uint8], *, is_lossy: bool) -> bool:
    """Whether the lower part can be a footer below a height that SimpleTuner draws.

    A black band without text is a footer only where compression may have swallowed the text, and
    text on black is one only below something brighter: else it is a prompt drawn over darkness.
    """
    found = _footers(pixels, is_lossy=is_lossy)
    if is_lossy:
        return bool(found)
    return any(
        footer == "text" and int(pixels[top - 1].max()) > _DARK for top, footer in found.items()
    )


def _footers(pixels: NDArray[np.uint8], *, is_lossy: bool) -> dict[int, FooterEvidence]:
    """The rows where a footer may begin."""
    return {
        top: footer
        for top in range(_MIN_PANEL_PX, pixels.shape[0] - 25, _ALIGNMENT_PX)
        if (footer := find_footer(pixels, top, is_lossy=is_lossy)) is not None
    }


def _single_by_footer(pixels: NDArray[np.uint8], *, is_lossy: bool) -> Iterator[Fit]:
    """A single panel whose height is where its footer begins, if only one row can be that."""
    width = pixels.shape[1]
    if width % _ALIGNMENT_PX or width < _MIN_PANEL_PX:
        return
    found = _footers(pixels, is_lossy=is_lossy)
    top, footer = next(iter(found.items()), (0, None))
    if len(found) == 1 and footer == "text" and int(pixels[top - 1].max()) > _DARK:
        size = Size(width, top)
        yield Fit(Grid("single", (0,)), size, (Box(0, 0, *size),), top, footer)
