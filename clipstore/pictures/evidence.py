"""What can be asked of one composite: its words, its likeness to the base picture, the run's files.

Invariant: every answer is yes, no or unknown, and unknown is never read as no. Who shows what is
decided elsewhere, from these answers alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.drawn_text import (
    LABEL_ROWS,
    Label,
    has_overlaid_prompt,
    has_tiny_prompt,
    read_label,
)
from clipstore.pictures.panel_grid import Fit
from clipstore.pictures.separators import GREY, SEPARATOR_PX, grey_length
from clipstore.types import Box, CompositeHints

_MIN_LABELLED_HEIGHT_PX = 112
"""Room for a label and one line of a 36 px prompt."""


@dataclass(frozen=True)
class Evidence:
    """The picture and everything known about it."""

    pixels: NDArray[np.uint8]  # (height, width, 3)
    hints: CompositeHints
    is_lossy: bool
    base_pixels: NDArray[np.uint8] | None  # (height, width, 3)

    @property
    def base_is_absent(self) -> bool:
        """The run keeps base pictures and has none of this prompt, so none was drawn here."""
        return self.hints.base_folder_complete and self.hints.base_picture is None

    def label(self, box: Box) -> Label | None:
        """The word drawn at the top left of a panel."""
        return read_label(self.pixels, box.left, box.width_px, is_lossy=self.is_lossy)

    def is_overlaid(self, fit: Fit) -> bool:
        """Whether the prompt is drawn over the picture's bottom, as v2.0.1 to v3.1.2 did.

        Nothing else is ever drawn over a separator below the labels.
        """
        return self._breaks_separator(fit) or (
            fit.footer is None
            and has_overlaid_prompt(self.pixels[: fit.content_height], is_lossy=self.is_lossy)
        )

    def is_overlaid_tiny(self, fit: Fit) -> bool:
        """The same where the labels are in the tiny font, and the prompt would be too."""
        return self._breaks_separator(fit) or (
            fit.footer is None
            and has_tiny_prompt(self.pixels[: fit.content_height], is_lossy=self.is_lossy)
        )

    def label_rows_are_clear(self, fit: Fit) -> bool:
        """Whether no prompt of several lines reaches up to where labels are drawn."""
        rows = slice(0, LABEL_ROWS[1] + 4)
        return fit.content_height >= _MIN_LABELLED_HEIGHT_PX and all(
            bool((self.pixels[rows, left : left + SEPARATOR_PX] == GREY).all())
            for left in fit.grid.greys
        )

    def _breaks_separator(self, fit: Fit) -> bool:
        if fit.footer is not None or self.is_lossy:
            return False
        content = self.pixels[: fit.content_height]
        return any(
            grey_length(content, left, is_lossy=False) < fit.content_height - 1
            for left in fit.grid.greys
        )

    def is_base(self, box: Box) -> bool | None:
        """Whether a panel shows the base picture; None when there is none of its size.

        Compared above and below the label, and above where a prompt may lie over the picture;
        after lossy compression as means of 8 x 8 pixels, which it keeps.
        """
        base = self.base_pixels
        if base is None or base.shape[:2] != (box.height_px, box.width_px):
            return None
        above = max(0, LABEL_ROWS[0] - box.top)
        below = max(0, LABEL_ROWS[1] - box.top)
        end = max(below + 8, int(box.height_px * 0.6))
        panel = self.pixels[box.top : box.bottom, box.left : box.right]
        parts = [(panel[rows], base[rows]) for rows in (slice(0, above), slice(below, end))]
        if not self.is_lossy:
            return all(bool((drawn == own).mean() >= 0.98) for drawn, own in parts if drawn.size)
        drawn, own = parts[-1]
        difference = float(np.abs(_block_means(drawn) - _block_means(own)).mean())
        return True if difference < 3 else False if difference > 6 else None


def _block_means(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Means of 8 x 8 pixels, (height // 8, width // 8, 3); a rest at the edges is left out."""
    height, width = pixels.shape[0] // 8 * 8, pixels.shape[1] // 8 * 8
    blocks = pixels[:height, :width].reshape(height // 8, 8, width // 8, 8, 3)
    return np.asarray(blocks.mean(axis=(1, 3)))
