"""Curves of block characters: what they show, and what they refuse to show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from clipstore.modelidentity import Band
from clipstore.storage.store import merge_parts
from clipstore.textcurve import MAX_BLOCKS, means_to_blocks, scale_of_curves
from tests.store_rows import (
    MODEL,
    MODEL_WITHOUT_BAND,
    model_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)

BAND = Band(0.22, 0.30, 0.39)


def test_a_rise_is_drawn_from_poor_to_the_band() -> None:
    scale = scale_of_curves([], BAND)
    curve = [0.15, 0.219, 0.225, 0.24, 0.26, 0.28, 0.299, 0.30]
    assert means_to_blocks(curve, scale) == "▁▁▂▃▅▆▇█"


def test_inside_the_band_all_means_look_alike() -> None:
    scale = scale_of_curves([], BAND)
    assert means_to_blocks([0.31, 0.36, 0.33, 0.45], scale) == "████"


def test_without_a_band_the_scale_is_that_of_all_curves() -> None:
    scale = scale_of_curves([[0.1, 0.2], [0.5, float("nan")]], None)
    assert means_to_blocks([0.1, 0.2, 0.31, 0.5], scale) == "▁▃▅█"
    assert scale.legend() == "▁ to █ from 0.100 to 0.500, all runs; no band is known"


def test_long_curves_keep_their_shape_and_empty_ones_are_empty() -> None:
    scale = scale_of_curves([], BAND)
    long = means_to_blocks([0.2] * 500 + [0.35] * 500, scale)
    assert long == "▁" * (MAX_BLOCKS // 2) + "█" * (MAX_BLOCKS // 2)
    assert means_to_blocks([], scale) == ""
    assert means_to_blocks([float("nan")], scale) == ""
    assert means_to_blocks([0.25], scale_of_curves([[0.25]], None)) == "█"


def test_runs_lists_the_curve_and_says_its_scale(tmp_path: Path) -> None:
    texts = {"cat": "a cat"}
    groups = [{"models": [model_row(MODEL), model_row(MODEL_WITHOUT_BAND)]}]
    groups += [{"runs": [run_row("a"), run_row("b")]}, prompt_rows("a", texts)]
    for step, cosine in ((100, 0.2), (200, 0.27), (300, 0.33)):
        groups.append(score_rows("a", step, {"cat": cosine}, texts))
        groups.append(score_rows("a", step, {"cat": cosine}, texts, model=MODEL_WITHOUT_BAND))
    groups.append(score_rows("a", 0, {"cat": 0.1}, texts, panel="base"))
    write_rows(tmp_path / "clipstore.duckdb", *groups)
    merge_parts(tmp_path / "clipstore.duckdb", wait_seconds=1)

    def runs(form: str) -> str:
        command = [sys.executable, "-m", "clipstore", "runs", "--format", form]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    rows = [json.loads(line) for line in runs("jsonl").splitlines()]
    assert [(row["run"], row["model"], row["curve"], row["clip/mean"]) for row in rows] == [
        ("a", "other", "▁▅█", 0.33),
        ("a", "tiny", "▁▅█", 0.33),
        ("b", None, None, None),
    ]
    assert "poor_below_cosine" not in rows[0]
    table = runs("table")
    assert "tiny: █ in the band or above (from 0.30), where heights would mean nothing; " in table
    assert "other: ▁ to █ from 0.200 to 0.330, all runs; no band is known\n" in table
