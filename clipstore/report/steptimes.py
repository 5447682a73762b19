"""Hours since a run's first validation, where a log or the pictures' file times can carry them.

Invariant: the time axis is offered for all runs of a model or for none, and only where every run's
times rise with its steps: copied or restored files all have one time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

from clipstore.findings import Verdict

NS_PER_HOUR = 3_600_000_000_000
SHORTEST_HOURS = 0.02
"""Validations of a real run are minutes apart; copies of a folder are written within seconds."""

Hours = tuple[float, ...]


def hours_of_runs(step_times: pl.DataFrame, verdicts: Sequence[Verdict]) -> Mapping[str, Hours]:
    """By run, one for each of its steps; empty where the times of any run cannot be used.

    `step_times`: `tables.STEP_TIME_COLUMNS`.
    """
    written: dict[str, dict[int, int]] = {}
    for run, step, ns in step_times.select("run", "step", "written_ns").iter_rows():
        written.setdefault(run, {})[step] = ns
    found: dict[str, Hours] = {}
    for verdict in verdicts:
        hours = _hours(written.get(verdict.run, {}), [s.step for s in verdict.steps])
        if hours is None:
            return {}
        found[verdict.run] = hours
    is_long = any(hours and hours[-1] >= SHORTEST_HOURS for hours in found.values())
    return found if is_long else {}


def _hours(written: Mapping[int, int], steps: Sequence[int]) -> Hours | None:
    times = [written.get(step) for step in steps]
    known = [ns for ns in times if ns is not None]
    rises = all(a < b for a, b in pairwise(known))
    if len(known) < len(times) or not rises:
        return None
    return tuple(round((ns - known[0]) / NS_PER_HOUR, 4) for ns in known)
