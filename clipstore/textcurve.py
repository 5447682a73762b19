"""A curve as a few block characters, for tables: ▁▂▄▆█.

Invariant: nothing is drawn that a CLIP score does not tell. All means in the band or above are the
same full block, so no curve inside the band looks better than another; all poor ones are the lowest
block.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from clipstore.modelidentity import Band

BLOCKS = "▁▂▃▄▅▆▇█"
MAX_BLOCKS = 24
"""Longer curves are drawn by means of neighbouring validations; a column of a table holds this."""


@dataclass(frozen=True)
class BlockScale:
    """What the blocks of all curves of one model mean."""

    low: float
    """Drawn as ▁: the poor edge of the band, or the lowest mean where no band is known."""
    high: float
    """Drawn as █ from here on: the band's lower edge, or the highest mean."""
    has_band: bool

    def legend(self) -> str:
        """One sentence for below the table."""
        if self.has_band:
            return (
                f"█ in the band or above (from {self.high:.2f}), where heights would mean nothing; "
                f"▁ poor (under {self.low:.2f}); ▂ to ▇ between"
            )
        return f"▁ to █ from {self.low:.3f} to {self.high:.3f}, all runs; no band is known"


def scale_of_curves(curves: Iterable[Sequence[float]], band: Band | None) -> BlockScale:
    """The scale that one model's curves share, so that they compare."""
    if band is not None:
        return BlockScale(band.poor_below_cosine, band.low_cosine, has_band=True)
    means = [mean for curve in curves for mean in curve if math.isfinite(mean)]
    return BlockScale(min(means, default=0.0), max(means, default=0.0), has_band=False)


def means_to_blocks(means: Sequence[float], scale: BlockScale) -> str:
    """One block per mean, at most `MAX_BLOCKS`; means that are not finite are left out."""
    finite = [mean for mean in means if math.isfinite(mean)]
    n = min(len(finite), MAX_BLOCKS)
    edges = [round(place * len(finite) / n) for place in range(n + 1)] if n else []
    buckets = (finite[start:end] for start, end in pairwise(edges))
    return "".join(_block(sum(bucket) / len(bucket), scale) for bucket in buckets)


def _block(mean: float, scale: BlockScale) -> str:
    if mean >= scale.high:
        return BLOCKS[-1]
    if mean <= scale.low:
        return BLOCKS[0]
    share = (mean - scale.low) / (scale.high - scale.low)  # inside (0, 1)
    return BLOCKS[1 + int(share * (len(BLOCKS) - 2))]
