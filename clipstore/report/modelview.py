"""What one model's sections show besides the data: counts, drawn SVG and chart JSON.

Invariant: the markup made here comes from `sparkline` and `json_for_script` alone, which hold no
text from outside that could act.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from clipstore.report.data import ModelSection, RunRow
from clipstore.report.figures import curves_to_figure
from clipstore.report.inert import json_for_script
from clipstore.report.sparkline import CosineRange, steps_to_range, steps_to_svg


@dataclass(frozen=True)
class ModelView:
    """One model's part of the page, ready for the templates."""

    number: int
    """1 for the first; ends the ids of this model's elements."""
    section: ModelSection
    label_counts: Counter[str]
    """Runs by verdict."""
    sparklines: tuple[Markup, ...]
    """In the order of `section.rows`."""
    figure_json: Markup
    summary: str


def section_to_view(number: int, section: ModelSection) -> ModelView:
    """`number` counts the page's models from 1."""
    return ModelView(
        number=number,
        section=section,
        label_counts=label_counts(section),
        sparklines=tuple(_sparklines(section)),
        figure_json=_figure_json(section),
        summary=chart_to_summary(section),
    )


def label_counts(section: ModelSection) -> Counter[str]:
    return Counter(row.verdict.verdict for row in section.rows)


def _sparklines(section: ModelSection) -> list[Markup]:
    cosines = steps_to_range([row.verdict.steps for row in section.rows], section.model.band)
    return [Markup(_sparkline(row, cosines, section)) for row in section.rows]


def _sparkline(row: RunRow, cosines: CosineRange, section: ModelSection) -> str:
    steps = [s for s in row.verdict.steps if math.isfinite(s.mean)]
    described = (
        f"clip/mean from {steps[0].mean:.3f} at step {steps[0].step:,} "
        f"to {steps[-1].mean:.3f} at step {steps[-1].step:,}"
        if steps
        else "no validation with a score"
    )
    return steps_to_svg(row.verdict.steps, cosines, section.model.band, described)


def _figure_json(section: ModelSection) -> Markup:
    curves = [row.curve for row in section.rows]
    return Markup(
        json_for_script(curves_to_figure(curves, section.model.band, section.base_cosine))
    )


def chart_to_summary(section: ModelSection) -> str:
    """The chart in one or two sentences, for those who cannot see it. Names no run of the band as
    higher or lower than another."""
    last = [
        finite[-1].mean
        for row in section.rows
        if (finite := [s for s in row.verdict.steps if math.isfinite(s.mean)])
    ]
    if not last:
        return "No validation of these runs has a score yet."
    runs = "run" if len(last) == 1 else "runs"
    spread = (
        f"the last clip/mean is {last[0]:.3f}"
        if len(last) == 1
        else f"the last clip/mean lies between {min(last):.3f} and {max(last):.3f}"
    )
    text = f"{len(last)} {runs}; {spread}."
    band = section.model.band
    if band is not None:
        n_in_band = sum(band.low_cosine <= mean <= band.high_cosine for mean in last)
        n_poor = sum(mean < band.poor_below_cosine for mean in last)
        text += (
            f" {n_in_band} of {len(last)} end inside the band {band.low_cosine:.2f} to "
            f"{band.high_cosine:.2f}, where CLIP cannot rank them; {n_poor} end below "
            f"{band.poor_below_cosine:.2f}."
        )
    if section.base_cosine is not None:
        text += f" The base model stands at {section.base_cosine:.3f}."
    return text
