"""Store → the curves of each run, for tools that draw curves.

Invariant: x is the step in the pictures' names, which is where trainers draw their loss; y is the
raw cosine. Minimum and maximum over prompts are left out: one prompt's score says nothing. No curve
goes on where prompts got other texts: the part before is a curve of its own. Of a run that counts
epochs only, the curves are named so that they cannot stand among steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.errors import RunUnknown
from clipstore.findings import StepMean, Verdict
from clipstore.storage.store import Reader
from clipstore.types import TRAINED_PANELS

GROUP = "clipstore"
GROUP_BY_EPOCH = "clipstore_by_epoch"
QUANTILES = {
    "p10": "10 % of the prompts lie below",
    "p25": "25 % of the prompts lie below",
    "p50": "the median over prompts",
    "p75": "75 % of the prompts lie below",
    "p90": "90 % of the prompts lie below",
    "share_in_band": "share of the prompts whose mean lies in the model's band",
}
MEAN = "clip_mean"
MEAN_LOW = "clip_mean_low"
MEAN_HIGH = "clip_mean_high"
ADJUSTED = "clip_mean_adjusted"


class Point(NamedTuple):
    """One value of a curve."""

    step: int
    value: float


@dataclass(frozen=True)
class Curve:
    """One quantity of one run."""

    name: str
    """For example "clip_mean"."""
    meaning: str
    """What it is, in words, with the unit."""
    points: tuple[Point, ...]
    """By step."""


@dataclass(frozen=True)
class RunCurves:
    """All curves of one run under one model."""

    run: str
    model: str
    group: str
    """What stands before the curves' names: GROUP, or GROUP_BY_EPOCH where steps are epochs."""
    curves: tuple[Curve, ...]
    verdict: Verdict
    seconds_by_step: tuple[tuple[int, float], ...]
    """When the pictures of each step were written, in seconds since 1970, by step."""

    def names(self) -> frozenset[str]:
        """The names of the curves that there are."""
        return frozenset(curve.name for curve in self.curves)


def curves_of_runs(reader: Reader, runs: Sequence[str] = ()) -> tuple[RunCurves, ...]:
    """The curves of these runs, or of all, by run and model.

    Raises `RunUnknown` for a name that has no scores.
    """
    verdicts = {(verdict.run, verdict.model): verdict for verdict in verdicts_from_reader(reader)}
    scored = sorted({run for run, _ in verdicts})
    for name in runs:
        if name not in scored:
            raise RunUnknown(f"no run with scores is named {name!r}", scored)
    means = reader.read("report_run_step")
    times = reader.read("export_steps").partition_by("run_id", as_dict=True)
    breaks = reader.read("text_changes").partition_by("run_id", as_dict=True)
    found = []
    for (run, model), verdict in sorted(verdicts.items()):
        if runs and run not in runs:
            continue
        own = means.filter((pl.col("run") == run) & (pl.col("model") == model))
        run_id = None if own.is_empty() else own["run_id"][0]
        steps, changed = times.get((run_id,)), breaks.get((run_id,))
        is_epoch = steps is not None and bool(steps["step_is_epoch"].any())
        seconds = () if steps is None else steps.select("step", "seconds").iter_rows()
        found.append(
            RunCurves(
                run,
                model,
                GROUP_BY_EPOCH if is_epoch else GROUP,
                _broken(_curves(own, verdict.steps), [] if changed is None else changed["step"]),
                verdict,
                tuple(seconds),
            )
        )
    return tuple(found)


def _curves(means: pl.DataFrame, steps: Sequence[StepMean]) -> list[Curve]:
    trained = means.filter(pl.col("panel").is_in(TRAINED_PANELS))
    curves = [
        _column(trained, "mean", MEAN, "clip/mean as cosine; trainers log 100 times this"),
        *(_column(trained, name, name, meaning) for name, meaning in QUANTILES.items()),
        Curve(
            MEAN_LOW,
            "lower end of the 95 % interval of the mean for these very prompts",
            tuple(Point(each.step, each.low) for each in steps),
        ),
        Curve(
            MEAN_HIGH,
            "upper end of the 95 % interval of the mean for these very prompts",
            tuple(Point(each.step, each.high) for each in steps),
        ),
    ]
    if any(abs(each.adjusted_mean - each.mean) > 1e-9 for each in steps):
        # The interval lies around this mean, which differs only where prompts are missing.
        points = tuple(Point(each.step, each.adjusted_mean) for each in steps)
        curves.append(Curve(ADJUSTED, "the mean with missing prompts accounted for", points))
    for panel in ("base", "ema"):
        own = means.filter(pl.col("panel") == panel)
        whose = "the model before training" if panel == "base" else "the averaged weights"
        curves.append(_column(own, "mean", f"{MEAN}_{panel}", f"clip/mean of {whose}"))
    return [curve for curve in curves if curve.points]


def _broken(curves: Iterable[Curve], breaks: Iterable[int]) -> tuple[Curve, ...]:
    """The curves, each in parts that end before each of these steps. The newest part keeps the
    name."""
    edges = sorted(breaks)
    parts = []
    for curve in curves:
        by_part: dict[int, list[Point]] = {}
        for point in curve.points:
            by_part.setdefault(bisect_right(edges, point.step), []).append(point)
        newest = max(by_part)
        for number, points in by_part.items():
            name = curve.name if number == newest else f"{curve.name}_until_{points[-1].step}"
            parts.append(Curve(name, curve.meaning, tuple(points)))
    return tuple(parts)


def _column(means: pl.DataFrame, column: str, name: str, meaning: str) -> Curve:
    rows = means.filter(pl.col(column).is_not_null()).sort("step")
    return Curve(name, meaning, tuple(Point(*row) for row in rows.select("step", column).rows()))
