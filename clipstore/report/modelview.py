"""What one model's sections show besides the data: counts, drawn SVG and chart JSON.

Invariant: the markup made here comes from `sparkline`, `forest` and `json_for_script` alone, which
hold no text from outside that could act.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

from markupsafe import Markup

from clipstore.comparisons import BASE
from clipstore.report.chartdata import cube_json, curves_json, data_json
from clipstore.report.coveragegrid import coverage_to_svg
from clipstore.report.data import ModelSection, RunRow
from clipstore.report.forest import Forest, comparison_to_forest, forest_to_summary, row_to_svg
from clipstore.report.inert import json_for_script
from clipstore.report.numbertext import cosine_to_text
from clipstore.report.quantiles import QUANTILES
from clipstore.report.sparkline import (
    MULTIPLE,
    CosineRange,
    CurveLook,
    curve_to_svg,
    steps_to_range,
)


@dataclass(frozen=True)
class ModelView:
    """One model's part of the page, ready for the templates."""

    number: int
    """1 for the first; ends the ids of this model's elements."""
    section: ModelSection
    label_counts: Counter[str]
    """Runs by verdict."""
    sparklines: tuple[Markup, ...]
    """In the order of `section.rows`, like the next."""
    multiples: tuple[Markup, ...]
    cosines: CosineRange
    """The y axis of both."""
    forest: Forest | None
    """Against the base model, or against the run with the best possible rank."""
    forest_svgs: tuple[Markup, ...]
    """In the order of `forest.rows`."""
    forest_summary: str
    spread_summary: str
    coverage_svg: Markup
    curves_json: Markup
    data_json: Markup
    cube_json: Markup
    summary: str


def section_to_view(number: int, section: ModelSection) -> ModelView:
    """`number` counts the page's models from 1."""
    band = section.model.band
    cosines = steps_to_range([row.verdict.steps for row in section.rows], band)
    small = CurveLook(cosines, band)
    large = CurveLook(cosines, band, section.base_cosine, MULTIPLE)
    forest = _forest(section)
    return ModelView(
        number=number,
        section=section,
        label_counts=label_counts(section),
        sparklines=tuple(_curve(row, small) for row in section.rows),
        multiples=tuple(_curve(row, large) for row in section.rows),
        cosines=cosines,
        forest=forest,
        forest_svgs=tuple(Markup(row_to_svg(row, forest)) for row in forest.rows) if forest else (),
        forest_summary=forest_to_summary(forest) if forest else "",
        spread_summary=spread_to_summary(section),
        coverage_svg=_coverage(section),
        curves_json=Markup(json_for_script(curves_json(section))),
        data_json=Markup(json_for_script(data_json(section))),
        cube_json=Markup(json_for_script(cube_json(section.cube))),
        summary=chart_to_summary(section),
    )


def label_counts(section: ModelSection) -> Counter[str]:
    return Counter(row.verdict.verdict for row in section.rows)


def _forest(section: ModelSection) -> Forest | None:
    """Any base pictures make the base model the reference."""
    if section.against_base is not None:
        forest = comparison_to_forest(section.against_base)
        if forest is not None and any(row.difference is not None for row in forest.rows):
            return forest
    if section.comparison is None or len(section.comparison.runs) < 2:
        return None
    there = {row.verdict.run for row in section.rows}
    reference = next((each.run for each in section.comparison.runs if each.run in there), BASE)
    return comparison_to_forest(section.comparison, reference)


def _curve(row: RunRow, look: CurveLook) -> Markup:
    steps = [s for s in row.verdict.steps if math.isfinite(s.mean)]
    described = (
        f"clip/mean from {cosine_to_text(steps[0].mean)} at step {steps[0].step:,} "
        f"to {cosine_to_text(steps[-1].mean)} at step {steps[-1].step:,}"
        if steps
        else "no validation with a score"
    )
    return Markup(curve_to_svg(row.curve.parts, look, described))


def _coverage(section: ModelSection) -> Markup:
    coverage = section.coverage
    lacking = len(coverage.lacking)
    drawn = replace(coverage, rows=coverage.rows[: len(section.rows)])
    return Markup(
        coverage_to_svg(
            drawn,
            f"{coverage.n_validations:,} validations of {len(coverage.rows):,} runs; "
            f"{lacking:,} lack pictures",
        )
    )


def spread_to_summary(section: ModelSection) -> str:
    """How wide the prompts lie apart, beside the largest move of a mean."""
    last = [row.spreads[-1] for row in section.rows if row.spreads]
    if not last:
        return "No prompt has a score yet."
    middle = QUANTILES.index("p25"), QUANTILES.index("p75")
    widths = sorted(s.quantiles[middle[1]] - s.quantiles[middle[0]] for s in last)
    text = (
        f"At its last validation the middle half of a run’s prompts lies "
        f"{cosine_to_text(widths[0])} to {cosine_to_text(widths[-1])} apart, depending on the run."
        if len(widths) > 1
        else f"At the last validation the middle half of the prompts lies "
        f"{cosine_to_text(widths[0])} apart."
    )
    return (
        f"{text} Prompts differ far more than runs do, so runs are compared prompt by prompt. The "
        "lowest and the highest prompt say nothing of a run: a fine picture can score 0.14."
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
        f"the last clip/mean is {cosine_to_text(last[0])}"
        if len(last) == 1
        else f"the last clip/mean lies between {cosine_to_text(min(last))} and "
        f"{cosine_to_text(max(last))}"
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
        text += f" The base model stands at {cosine_to_text(section.base_cosine)}."
    return text
