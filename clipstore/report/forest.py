"""Paired differences to one reference, row by row: the forest plot's numbers and its static form.

Invariant: the SVG holds numbers only; names stand in the table's cells, where they are escaped.
What is sure was decided by `clipstore.analysis.compare` alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clipstore.comparisons import BASE, Comparison, Pair, PairVerdict
from clipstore.report.runcurve import RunCurve

UNITS_PER_COSINE = 100_000
"""A number of the chart is round(cosine * this): far below any interval."""
WIDTH_PX, HEIGHT_PX = 260, 22
_PAD_PX = 8.0

WORDS: dict[PairVerdict, str] = {
    "higher": "higher",
    "lower": "lower",
    "cannot tell": "cannot tell",
    "not rankable by CLIP": "in band: judge by eye",
    "not comparable": "not comparable",
}
SLUGS: dict[PairVerdict, str] = {
    "higher": "higher",
    "lower": "lower",
    "cannot tell": "open",
    "not rankable by CLIP": "eye",
    "not comparable": "none",
}
_OTHER_WAY: dict[PairVerdict, PairVerdict] = {"higher": "lower", "lower": "higher"}


@dataclass(frozen=True)
class ForestRow:
    """One run against the reference; numbers are None where the pair is not comparable."""

    run: str
    verdict: PairVerdict
    difference: float | None
    """Run minus reference, mean over the common prompts."""
    low: float | None
    """95 % interval of this difference alone."""
    high: float | None
    p_holm: float | None
    n_prompts: int
    reason: str | None
    is_in_band: bool
    """The run's own mean lies in the band or above it: it has no rank among such runs."""


@dataclass(frozen=True)
class Forest:
    """All runs against one reference: those in the band by name, then the highest difference
    first."""

    reference: str
    """A run's name, or `comparisons.BASE`."""
    rows: tuple[ForestRow, ...]
    low: float
    """The drawing's left end; it holds every interval and 0."""
    high: float
    wanted: float
    """Differences within this of 0 would hardly matter: the shaded zone."""


def comparison_to_forest(comparison: Comparison, reference: str = BASE) -> Forest | None:
    """None when no pair of the comparison holds the reference.

    Runs in the band have no order among themselves, and neither have rows whose two means may lie
    there: they stand together by name.
    """
    in_band = runs_in_band(comparison)
    rows = [
        _row(pair, reference, in_band)
        for pair in comparison.pairs
        if reference in (pair.run_a, pair.run_b)
    ]
    if not rows:
        return None
    ends = [end for row in rows for end in (row.low, row.high) if end is not None]
    wanted = comparison.wanted_difference
    low, high = min([-wanted, *ends]), max([wanted, *ends])
    margin = 0.04 * (high - low)
    return Forest(reference, tuple(sorted(rows, key=_order)), low - margin, high + margin, wanted)


def runs_in_band(comparison: Comparison) -> frozenset[str]:
    """The compared runs whose level lies in the band or above it."""
    return frozenset(
        run.run for run in comparison.runs if run.location in ("IN_BAND", "ABOVE_BAND")
    )


def row_to_svg(row: ForestRow, forest: Forest) -> str:
    """The zone that hardly matters, the line of 0, the interval and its middle: hollow unless the
    pair is surely ordered."""
    if row.difference is None or row.low is None or row.high is None:
        return ""

    def x_of(cosine: float) -> float:
        share = (cosine - forest.low) / (forest.high - forest.low)
        return _PAD_PX + share * (WIDTH_PX - 2 * _PAD_PX)

    left, right = x_of(-forest.wanted), x_of(forest.wanted)
    middle = HEIGHT_PX / 2
    return (
        f'<svg class="forest-row forest-{SLUGS[row.verdict]}" width="{WIDTH_PX}" '
        f'height="{HEIGHT_PX}" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" aria-hidden="true" '
        f'focusable="false"><rect class="forest-zone" x="{left:.1f}" y="0" '
        f'width="{right - left:.1f}" height="{HEIGHT_PX}"/>'
        f'<path class="forest-zero" d="M{x_of(0):.1f} 0V{HEIGHT_PX}"/>'
        f'<path class="forest-line" d="M{x_of(row.low):.1f} {middle}H{x_of(row.high):.1f}"/>'
        f'<circle class="forest-dot" cx="{x_of(row.difference):.1f}" cy="{middle}" r="4"/></svg>'
    )


def forest_to_summary(forest: Forest) -> str:
    """The forest in one sentence, for those who cannot see it."""
    counts = {word: sum(row.verdict == word for row in forest.rows) for word in WORDS}
    parts = [f"{n} {WORDS[verdict]}" for verdict, n in counts.items() if n]
    runs = "run" if len(forest.rows) == 1 else "runs"
    against = "the base model" if forest.reference == BASE else "the reference"
    return f"{len(forest.rows)} {runs} against {against}: {', '.join(parts)}."


def pairs_to_json(
    comparison: Comparison | None, against_base: Comparison | None, curves: Sequence[RunCurve]
) -> dict[str, object]:
    """For the chart, the pairs by column: runs by their place in `curves`, -1 for the base model;
    differences and intervals times `UNITS_PER_COSINE`; verdicts by their place in `slugs`."""
    places = {curve.run: i for i, curve in enumerate(curves)} | {BASE: -1}
    pairs = [
        pair
        for each in (against_base, comparison)
        if each is not None
        for pair in each.pairs
        if pair.run_a in places and pair.run_b in places
    ]
    slugs = sorted({SLUGS[pair.verdict] for pair in pairs})
    wanted = comparison or against_base
    return {
        "wanted": wanted.wanted_difference if wanted else None,
        "in_band": sorted(places[run] for run in runs_in_band(wanted) if run in places)
        if wanted
        else [],
        "units": UNITS_PER_COSINE,
        "slugs": slugs,
        "a": [places[pair.run_a] for pair in pairs],
        "b": [places[pair.run_b] for pair in pairs],
        "difference": [_units(pair.difference) for pair in pairs],
        "low": [_units(pair.low) for pair in pairs],
        "high": [_units(pair.high) for pair in pairs],
        "slug": [slugs.index(SLUGS[pair.verdict]) for pair in pairs],
        "prompts": [pair.n_prompts for pair in pairs],
    }


def _row(pair: Pair, reference: str, in_band: frozenset[str]) -> ForestRow:
    if pair.run_b == reference:
        run, verdict = pair.run_a, pair.verdict
        difference, low, high = pair.difference, pair.low, pair.high
    else:
        run, verdict = pair.run_b, _OTHER_WAY.get(pair.verdict, pair.verdict)
        difference, low, high = (_negated(v) for v in (pair.difference, pair.high, pair.low))
    return ForestRow(
        run,
        verdict,
        difference,
        low,
        high,
        pair.p_holm,
        pair.n_prompts,
        pair.reason,
        run in in_band,
    )


def _order(row: ForestRow) -> tuple[int, float, str]:
    place = {"not rankable by CLIP": 2, "not comparable": 3}.get(
        row.verdict, 0 if row.is_in_band else 1
    )
    return (place, -(row.difference or 0.0) if place == 1 else 0.0, row.run)


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


def _units(cosine: float | None) -> int | None:
    return None if cosine is None or not math.isfinite(cosine) else round(cosine * UNITS_PER_COSINE)
