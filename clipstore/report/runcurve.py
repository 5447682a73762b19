"""One run's curve as every drawing of it takes it, and how the picked runs are told apart.

Invariant: a curve breaks where its prompts changed; `parts` is what may be joined by a line. The
same colours serve light and dark: each has contrast 3 : 1 on either ground.
"""

from __future__ import annotations

from dataclasses import dataclass

from clipstore.findings import StepMean


@dataclass(frozen=True)
class LineStyle:
    """How one picked run is drawn; told apart by dash as well as by colour."""

    colour: str
    dash: str
    """SVG dash lengths in pixels as plotly takes them; "solid" for none."""


RUN_STYLES = (
    LineStyle("#0072b2", "solid"),
    LineStyle("#d55e00", "7px,3px"),
    LineStyle("#009e73", "2px,2.5px"),
    LineStyle("#c06a9a", "9px,3px,2px,3px"),
    LineStyle("#b87700", "solid"),
    LineStyle("#3a92c9", "7px,3px"),
    LineStyle("#8a63d2", "2px,2.5px"),
    LineStyle("#5f7a1f", "9px,3px,2px,3px"),
)
"""For the runs drawn in colour, after Okabe and Ito, darkened where white or black swallowed them.
"""
OTHER_RUN_STYLE = LineStyle("#8b929b", "solid")
BASE_STYLE = LineStyle("#7f7f7f", "5px,4px")


@dataclass(frozen=True)
class RunCurve:
    """One run as the chart draws it."""

    run: str
    steps: tuple[StepMean, ...]
    style: LineStyle | None
    """None for the runs drawn thin and grey."""
    group: str
    """Joins the run's traces to its button in the legend: "run-0". Holds no text from outside."""
    id: str = ""
    """Short id of the run's name, for the page's address."""
    breaks: tuple[int, ...] = ()
    """Steps at which the prompts are others than before: no line leads there."""
    hours: tuple[float, ...] = ()
    """Since the first validation, one for each of `steps`; empty when not known."""

    @property
    def parts(self) -> tuple[tuple[StepMean, ...], ...]:
        """The steps between breaks: each is one line."""
        parts: list[list[StepMean]] = [[]]
        for step in self.steps:
            if step.step in self.breaks and parts[-1]:
                parts.append([])
            parts[-1].append(step)
        return tuple(map(tuple, parts))
