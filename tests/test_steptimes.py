"""The time axis: from logs or from files, for all runs or for none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from clipstore.findings import Verdict
from clipstore.report.steptimes import NS_PER_HOUR, hours_of_runs
from clipstore.report.tables import STEP_TIME_COLUMNS
from clipstore.storage.store import merge_parts, open_store
from tests.report_example import small_inputs
from tests.store_rows import (
    NOON,
    model_row,
    prompt_rows,
    run_row,
    scalar_rows,
    score_rows,
    write_rows,
)

TEXTS = {"p0": "a fox"}
FILE_NS = 1_700_000_000_000_000_000
NOON_NS = int(NOON.timestamp()) * 1_000_000_000


def verdict(run: str, n_validations: int = 3) -> Verdict:
    (found,), _ = small_inputs(run=run, n_validations=n_validations)
    return found


def times(*rows: tuple[str, int, float]) -> pl.DataFrame:
    """run, step and hours."""
    values = [(run, step, int(hours * NS_PER_HOUR)) for run, step, hours in rows]
    return pl.DataFrame(values, schema=STEP_TIME_COLUMNS, orient="row")


def test_hours_count_from_each_run_s_first_validation():
    frame = times(("a", 500, 7), ("a", 1000, 7.5), ("a", 1500, 9))
    assert hours_of_runs(frame, [verdict("a")]) == {"a": (0.0, 0.5, 2.0)}


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 500, 1), ("a", 1000, 1), ("a", 1500, 2)],
        [("a", 500, 2), ("a", 1000, 1), ("a", 1500, 3)],
        [("a", 500, 1), ("a", 1000, 2)],
        [("a", 500, 1), ("a", 1000, 1.001), ("a", 1500, 1.002)],
    ],
    ids=["a copied file", "a restored file", "a time that is missing", "written in seconds"],
)
def test_times_that_cannot_be_training_times_give_no_axis(rows: list[tuple[str, int, float]]):
    assert hours_of_runs(times(*rows), [verdict("a")]) == {}


def test_one_run_without_times_leaves_the_axis_out_for_all():
    frame = times(("a", 500, 1), ("a", 1000, 2), ("a", 1500, 3))
    assert hours_of_runs(frame, [verdict("a"), verdict("b")]) == {}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Run logged has a log from its first step on, run late one that begins after a validation."""
    path = tmp_path / "s.duckdb"
    parts = [{"models": [model_row()], "runs": [run_row("logged"), run_row("late")]}]
    for run in ("logged", "late"):
        parts.append(prompt_rows(run, TEXTS))
        parts += [score_rows(run, step, {"p0": 0.25}, TEXTS) for step in (100, 200)]
    parts.append(scalar_rows("logged", "loss", {90: 1.0, 150: 1.0, 190: 1.0, 210: 1.0}))
    parts.append(scalar_rows("late", "loss", {150: 1.0, 200: 1.0}))
    write_rows(path, *parts)
    merge_parts(path, wait_seconds=1)
    return path


def test_a_log_that_covers_the_run_tells_the_time_and_else_the_files_do(store: Path):
    with open_store(store) as reader:
        run_ids = reader.read("run_names")["run_id"].to_list()
        rows = reader.read("report_step_times", {"run_ids": run_ids}).rows()
    second = int(timedelta(seconds=1).total_seconds()) * 1_000_000_000
    assert rows == [
        ("late", 100, FILE_NS),
        ("late", 200, FILE_NS),
        ("logged", 100, NOON_NS),
        ("logged", 200, NOON_NS + 2 * second),
    ]
