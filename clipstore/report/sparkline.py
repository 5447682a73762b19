"""A run's curve as a small inline SVG: it shows without scripts, in print and in mail previews.

Invariant: the markup holds numbers only, no text from outside, so it needs no escaping.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from clipstore.findings import StepMean
from clipstore.modelidentity import Band

_PAD_PX = 3.0


class Size(NamedTuple):
    """Of a drawing, in CSS pixels."""

    width_px: int
    height_px: int


SPARKLINE = Size(132, 40)
MULTIPLE = Size(216, 112)
"""One of the grid of small curves."""


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


@dataclass(frozen=True)
class CurveLook:
    """What a small drawing of a curve shows besides the curve."""

    cosines: CosineRange
    band: Band | None
    base_cosine: float | None = None
    """The base model's level, a dashed line; None leaves it out."""
    size: Size = SPARKLINE


def curve_to_svg(parts: Sequence[Sequence[StepMean]], look: CurveLook, description: str) -> str:
    """One `<svg>`: the band's strip, ribbons, lines, ticks where one part ends, a dot at the end.

    `parts`: the steps between breaks. `description` becomes the accessible name; it must hold no
    text from outside.
    """
    finite = [[s for s in part if math.isfinite(s.mean)] for part in parts]
    finite = [part for part in finite if part]
    width, height = look.size
    marks = _level_marks(look)
    if finite:
        first, last = finite[0][0].step, finite[-1][-1].step

        def x_of(step: int) -> float:
            share = 0.5 if first == last else (step - first) / (last - first)
            return _PAD_PX + share * (width - 2 * _PAD_PX)

        for n, part in enumerate(finite):
            if n > 0:
                x = (x_of(finite[n - 1][-1].step) + x_of(part[0].step)) / 2
                marks.append(f'<path class="spark-break" d="M{x:.1f} 0V{height}"/>')
            marks += _part_marks(part, x_of, look)
        end = finite[-1][-1]
        marks.append(
            f'<circle class="spark-dot" cx="{x_of(end.step):.1f}" '
            f'cy="{_y_of(end.mean, look):.1f}" r="2.4"/>'
        )
    return (
        f'<svg class="spark" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{description}">'
        f"{''.join(marks)}</svg>"
    )


def _part_marks(
    part: Sequence[StepMean], x_of: Callable[[int], float], look: CurveLook
) -> list[str]:
    marks = []
    sure = [s for s in part if math.isfinite(s.low) and math.isfinite(s.high)]
    outline = [(x_of(s.step), _y_of(s.high, look)) for s in sure]
    outline += [(x_of(s.step), _y_of(s.low, look)) for s in reversed(sure)]
    if len(sure) > 1:
        marks.append(f'<polygon class="spark-ribbon" points="{_coordinates(outline)}"/>')
    line = [(x_of(s.step), _y_of(s.mean, look)) for s in part]
    if len(line) > 1:
        marks.append(f'<polyline class="spark-line" points="{_coordinates(line)}"/>')
    return marks


def _level_marks(look: CurveLook) -> list[str]:
    marks = []
    width = look.size.width_px
    if look.band is not None:
        top, bottom = _y_of(look.band.high_cosine, look), _y_of(look.band.low_cosine, look)
        marks.append(
            f'<rect class="spark-band" x="0" y="{top:.1f}" width="{width}" '
            f'height="{max(0.0, bottom - top):.1f}"/>'
        )
        if look.size != SPARKLINE:
            y = _y_of(look.band.poor_below_cosine, look)
            marks.append(f'<path class="spark-poor" d="M0 {y:.1f}H{width}"/>')
    if look.base_cosine is not None and math.isfinite(look.base_cosine):
        y = _y_of(look.base_cosine, look)
        marks.append(f'<path class="spark-base" d="M0 {y:.1f}H{width}"/>')
    return marks


def _y_of(cosine: float, look: CurveLook) -> float:
    low, high = look.cosines
    share = (cosine - low) / (high - low)
    return (1 - min(1.0, max(0.0, share))) * (look.size.height_px - 2 * _PAD_PX) + _PAD_PX


def _coordinates(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
