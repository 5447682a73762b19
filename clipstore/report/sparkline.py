"""A run's curve as a small inline SVG: it shows without scripts, in print and in mail previews.

Invariant: the markup holds numbers only, no text from outside, so it needs no escaping.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from clipstore.findings import StepMean
from clipstore.types import Band

WIDTH_PX = 132
HEIGHT_PX = 40
_PAD_PX = 3.0


class CosineRange(NamedTuple):
    """The y-axis that all sparklines of one table share, so that they compare."""

    low: float
    high: float


def steps_to_range(curves: Sequence[Sequence[StepMean]], band: Band | None) -> CosineRange:
    """A range that holds every finite mean and, where the model has one, the band's lower edge."""
    values = [s.mean for curve in curves for s in curve if math.isfinite(s.mean)]
    if band is not None:
        values += [band.poor_below_cosine, band.low_cosine]
    if not values:
        return CosineRange(0.0, 0.5)
    margin = max(0.01, 0.08 * (max(values) - min(values)))
    return CosineRange(min(values) - margin, max(values) + margin)


def steps_to_svg(
    steps: Sequence[StepMean], cosines: CosineRange, band: Band | None, description: str
) -> str:
    """One `<svg>`: the band's strip, the interval's ribbon, the line, a dot at the last point.

    `description` becomes the accessible name; it must hold no text from outside.
    """
    points = [s for s in steps if math.isfinite(s.mean)]
    marks = [_band_to_rect(band, cosines)] if band is not None else []
    if points:
        first, last = points[0].step, points[-1].step

        def x_of(step: int) -> float:
            share = 0.5 if first == last else (step - first) / (last - first)
            return _PAD_PX + share * (WIDTH_PX - 2 * _PAD_PX)

        line = [(x_of(s.step), _y_of(s.mean, cosines)) for s in points]
        with_interval = [s for s in points if math.isfinite(s.low) and math.isfinite(s.high)]
        outline = [(x_of(s.step), _y_of(s.high, cosines)) for s in with_interval]
        outline += [(x_of(s.step), _y_of(s.low, cosines)) for s in reversed(with_interval)]
        if len(with_interval) > 1:
            marks.append(f'<polygon class="spark-ribbon" points="{_coordinates(outline)}"/>')
        if len(line) > 1:
            marks.append(f'<polyline class="spark-line" points="{_coordinates(line)}"/>')
        marks.append(
            f'<circle class="spark-dot" cx="{line[-1][0]:.1f}" cy="{line[-1][1]:.1f}" r="2.4"/>'
        )
    return (
        f'<svg class="spark" width="{WIDTH_PX}" height="{HEIGHT_PX}" '
        f'viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" role="img" aria-label="{description}">'
        f"{''.join(marks)}</svg>"
    )


def _band_to_rect(band: Band, cosines: CosineRange) -> str:
    top, bottom = _y_of(band.high_cosine, cosines), _y_of(band.low_cosine, cosines)
    return (
        f'<rect class="spark-band" x="0" y="{top:.1f}" width="{WIDTH_PX}" '
        f'height="{max(0.0, bottom - top):.1f}"/>'
    )


def _y_of(cosine: float, cosines: CosineRange) -> float:
    share = (cosine - cosines.low) / (cosines.high - cosines.low)
    return (1 - min(1.0, max(0.0, share))) * (HEIGHT_PX - 2 * _PAD_PX) + _PAD_PX


def _coordinates(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
