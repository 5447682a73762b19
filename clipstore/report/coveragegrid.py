"""The coverage grid as one inline SVG: a row a run, a column a step.

Invariant: numbers only, no text from outside. Neighbouring cells of one kind are one rectangle, so
that a grid without gaps costs next to nothing; what lacks pictures stands in the table beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from clipstore.report.coverage import Coverage, CoverageRow

ROW_PX = 9
WIDTH_PX = 900
MAX_LINES = 150
"""Columns that are parted by lines; more would be nothing but lines."""


def coverage_to_svg(coverage: Coverage, description: str) -> str:
    """`description` becomes the accessible name and must hold no text from outside."""
    n_steps = max(1, len(coverage.steps))
    column = WIDTH_PX / n_steps
    places = {step: i for i, step in enumerate(coverage.steps)}
    height = ROW_PX * max(1, len(coverage.rows))
    marks = [
        f'<rect class="cover-{kind}" x="{first * column:.1f}" y="{y * ROW_PX}" '
        f'width="{max(1.0, (last - first) * column - 0.5):.1f}" height="{ROW_PX - 1}"/>'
        for y, row in enumerate(coverage.rows)
        for kind, first, last in _stretches(row, places)
    ]
    if n_steps <= MAX_LINES:
        lines = "".join(f"M{i * column:.1f} 0V{height}" for i in range(1, n_steps))
        marks.append(f'<path class="cover-lines" d="{lines}"/>')
    return (
        f'<svg class="cover" viewBox="0 0 {WIDTH_PX} {height}" width="{WIDTH_PX}" '
        f'height="{height}" preserveAspectRatio="none" role="img" aria-label="{description}">'
        f"{''.join(marks)}</svg>"
    )


def _stretches(row: CoverageRow, places: dict[int, int]) -> Iterator[tuple[str, int, int]]:
    """(kind, first column, column after the last) of neighbouring validations of one kind."""
    kinds = [(places[c.step], _kind(c.n_scored, c.n_expected)) for c in row.cells]
    # Consecutive places keep a constant difference to their number in the list.
    for (kind, _), group in groupby(
        enumerate(kinds), key=lambda item: (item[1][1], item[1][0] - item[0])
    ):
        columns: Sequence[int] = [place for _, (place, _) in group]
        yield kind, columns[0], columns[-1] + 1


def _kind(n_scored: int, n_expected: int) -> str:
    if n_scored >= n_expected:
        return "whole"
    return "most" if n_scored >= 0.9 * n_expected else "part"
