"""A prompt's scores over a run as the points of a small curve.

Invariant: all cards of one model share an axis, so that they compare; the markup holds numbers
only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clipstore.modelidentity import Band
from clipstore.report.data import ModelSection

PAD_PX = 4.0


@dataclass(frozen=True)
class MiniCurve:
    """The axis that the curves of one model share."""

    low: float
    high: float
    band: Band | None
    width: int = 160
    height: int = 36

    @classmethod
    def of_section(cls, section: ModelSection) -> MiniCurve:
        """Holds every score of the cards."""
        values = [
            cosine
            for run in section.prompts
            for card in run.cards
            for cosine in card.cosines
            if math.isfinite(cosine)
        ] or [0.0, 0.5]
        return cls(min(values), max(values), section.model.band)

    def points(self, steps: Sequence[int], cosines: Sequence[float]) -> str:
        """`x,y x,y …` of a polyline in a box of `width` × `height`."""
        first, scale = steps[0], (self.width - 2 * PAD_PX) / max(1, steps[-1] - steps[0])
        return " ".join(
            f"{PAD_PX + (step - first) * scale:.0f},{self._y(cosine):.1f}"
            for step, cosine in zip(steps, cosines, strict=True)
        )

    def band_strip(self) -> list[float] | None:
        """Top and height of the band; None without a band or where no score comes near it."""
        if self.band is None or self.band.low_cosine > self.high:
            return None
        top = self._y(min(self.band.high_cosine, self.high))
        return [round(top, 1), round(self._y(max(self.band.low_cosine, self.low)) - top, 1)]

    def _y(self, cosine: float) -> float:
        share = (cosine - self.low) / max(1e-6, self.high - self.low)
        return PAD_PX + (1 - min(1.0, max(0.0, share))) * (self.height - 2 * PAD_PX)
