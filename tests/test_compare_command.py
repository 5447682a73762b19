"""`clipstore compare` as a user meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clipstore.storage.store import merge_parts
from tests.store_rows import (
    MODEL,
    MODEL_WITHOUT_BAND,
    model_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)

TEXTS = {f"p{number:02}": f"a picture of {number} things" for number in range(30)}
LEVELS = {"low": 0.23, "mid": 0.26, "mid-again": 0.26, "band-a": 0.33, "band-b": 0.35}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five flat runs, one of them scored by a second model too, and a sixth by that alone."""
    folder = tmp_path_factory.mktemp("compare")
    rng = np.random.default_rng(4)
    prompt = rng.normal(0, 0.03, len(TEXTS))
    prompt -= prompt.mean()

    def scores(run: str, level: float, **more: object) -> list[dict[str, list[dict[str, object]]]]:
        curve = level + prompt + rng.normal(0, 0.01, (8, len(TEXTS)))
        return [
            score_rows(
                run, 100 * (t + 1), dict(zip(TEXTS, row.tolist(), strict=True)), TEXTS, **more
            )  # type: ignore[arg-type]
            for t, row in enumerate(curve)
        ]

    groups = [{"models": [model_row(MODEL), model_row(MODEL_WITHOUT_BAND)]}]
    for run, level in LEVELS.items():
        groups += [{"runs": [run_row(run)]}, prompt_rows(run, TEXTS), *scores(run, level)]
    groups += [{"runs": [run_row("elsewhere")]}, prompt_rows("elsewhere", TEXTS)]
    groups += scores("elsewhere", 0.2, model=MODEL_WITHOUT_BAND)
    groups += scores("low", 0.2, model=MODEL_WITHOUT_BAND)
    store = folder / "clipstore.duckdb"
    write_rows(store, *groups)
    merge_parts(store, wait_seconds=1)
    return folder


def compare(folder: Path, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "clipstore", "compare", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_the_table_ranks_below_the_band_and_nowhere_else(folder: Path) -> None:
    text = compare(folder, "--all", "--model", "tiny").stdout
    assert "tiny, scope run. The settings: the shake of single checkpoints" in text
    assert "How far another training seed would come out is not" in text
    assert re.search(
        r"^Single checkpoints shake all prompts together by 0\.00\d \(SD\)", text, re.M
    )
    rows = [re.split(r" {2,}", line)[:2] for line in text.splitlines()[4:9]]
    assert rows == [
        ["band-a", "1 to 2"],
        ["band-b", "1 to 2"],
        ["mid", "3 to 4"],
        ["mid-again", "3 to 4"],
        ["low", "5"],
    ]
    in_band = next(line for line in text.splitlines() if re.match(r"band-a +judge by eye", line))
    assert re.split(r" {2,}", in_band.strip())[4:] == ["–", "30", "–", "–"]
    assert "band-a: all 8 checkpoints may be in the band, judge them by eye\n" in text
    assert "judge by eye: band-a, band-b" in text
    assert "cannot be told apart: mid, mid-again" in text


def test_json_is_one_object_and_jsonl_one_row_per_finding(folder: Path) -> None:
    whole = json.loads(compare(folder, "--all", "--format", "json").stdout)[0]
    assert whole["schema_version"] == 1
    assert [(c["model"], len(c["runs"]), len(c["pairs"])) for c in whole["comparisons"]] == [
        ("other", 2, 1),
        ("tiny", 5, 10),
    ]
    assert whole["apart"] == [
        {
            "model_a": "other",
            "model_b": "tiny",
            "runs_a": ["elsewhere"],
            "runs_b": ["band-a", "band-b", "mid", "mid-again"],
            "reason": "scored by other and by tiny: another model, whose scores do not mix",
        }
    ]
    lines = compare(folder, "--all", "--format", "jsonl").stdout.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "run": 7,
        "pair": 11,
        "group": 4,
        "best checkpoints": 7,
        "models apart": 1,
    }


def test_one_run_alone_shows_its_best_checkpoints(folder: Path) -> None:
    rows = [
        json.loads(line) for line in compare(folder, "mid", "--format", "jsonl").stdout.splitlines()
    ]
    assert [row["kind"] for row in rows] == ["run", "best checkpoints"]
    assert rows[1]["n_validations"] == 8
    assert rows[1]["best_step"] in rows[1]["steps"]


def test_a_step_is_compared_in_place_of_the_end(folder: Path) -> None:
    lines = compare(
        folder,
        "mid",
        "low",
        "--step",
        "mid=300",
        "--scope",
        "checkpoint",
        "--model",
        "tiny",
        "--format",
        "jsonl",
    ).stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["run"]: row["steps"] for row in rows if row["kind"] == "run"} == {
        "mid": [300],
        "low": [800],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the runs to compare, or pass --all."),
        (("mid", "--all"), "name the runs to compare, or pass --all."),
        (("mid", "nobody"), "no run named 'nobody'. There are: band-a, band-b"),
        (("mid", "--model", "big"), "no scores of a model 'big'. There are: tiny."),
        (("mid", "low", "--step", "mid"), "--step 'mid' is not RUN=N"),
        (("mid", "--step", "mid=301"), "run mid has no validation at step 301. There are: 100, "),
        (
            ("mid", "--step", "low=300"),
            "a step is given of 'low', which is not compared.",
        ),
    ],
)
def test_wrong_usage_says_what_there_is(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in " ".join(compare(folder, *arguments, expect=2).stderr.split())


def test_other_constants_are_used_and_told(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[compare]\nmin_common_prompts = 31\npower = 0.9\n")
    told = compare(folder, "low", "mid", "--rules", str(rules)).stdout
    assert "30 common prompts, and 31 are the least" in told
    assert "show with 90% chance" in told
    assert "compare.min_common_prompts = 31 (usually 5)" in told
    line = compare(folder, "low", "mid", "--rules", str(rules), "--format", "jsonl").stdout
    assert [each["name"] for each in json.loads(line.splitlines()[0])["changed_rules"]] == [
        "compare.power",
        "compare.min_common_prompts",
    ]
    (usual,) = json.loads(compare(folder, "low", "mid", "--format", "json").stdout)
    assert usual["changed_rules"] == []
