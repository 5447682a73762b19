"""The demo is real: what ships is what was trained, and it goes the whole way offline."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.demo.layout import lay_out_run
from clipstore.pipeline.discover import discover
from clipstore.resources import resource_folder

DATA = resource_folder("demo_data")


def test_the_manifest_names_every_file_by_its_hash() -> None:
    listed = {}
    for line in (DATA / "MANIFEST").read_text().splitlines():
        sha256, size, path = line.split("  ")
        listed[path] = (sha256, int(size))
    files = [file for file in DATA.rglob("*") if file.is_file() and file.name != "MANIFEST"]
    assert listed == {
        file.relative_to(DATA).as_posix(): (
            hashlib.sha256(file.read_bytes()).hexdigest(),
            file.stat().st_size,
        )
        for file in files
    }
    assert sum(size for _, size in listed.values()) < 20_000_000


def test_laying_out_changes_no_pixel_of_a_picture(tmp_path: Path) -> None:
    sheets = DATA / "runs" / "good"
    assert lay_out_run(sheets, tmp_path / "good") == 12 * 32
    run = discover(tmp_path).runs[0]
    name, last_step = next(iter(json.loads((sheets / "user_prompt_library.json").read_text()))), 600
    drawn = np.asarray(
        Image.open(tmp_path / f"good/validation_images/step_{last_step}_{name}_0_192x192.png")
    )
    native = np.asarray(Image.open(sheets / f"step_{last_step:06d}_0.webp").convert("RGB"))[:48]
    below_the_label = drawn[48:192, 197:389][::4, ::4]
    assert np.array_equal(below_the_label, native[12:48])
    assert run.run.planned_steps == last_step


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "clipstore", "demo", "here"],
        cwd=folder,
        env=offline,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "here/clipstore-report.html"
    return folder / "here"


def clipstore(*arguments: object) -> str:
    command = [sys.executable, "-m", "clipstore", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_runs_that_learn_nothing_are_flagged_and_those_that_learn_are_not(demo: Path) -> None:
    answer = clipstore("verdict", "--db", demo / "clipstore.duckdb", "--format", "jsonl")
    verdicts = {row["run"]: row for row in map(json.loads, answer.splitlines())}
    for run in ("lr-too-high", "lr-too-low", "shuffled-captions"):
        assert verdicts[run]["verdict"] == "abandon", run
    for run in ("good", "late-bloomer"):
        assert verdicts[run]["verdict"] != "abandon", run


def test_the_pictures_show_what_was_done_to_each_run(demo: Path) -> None:
    answer = clipstore("verdict", "--db", demo / "clipstore.duckdb", "--format", "jsonl")
    pictures = {row["run"]: row["pictures"] for row in map(json.loads, answer.splitlines())}
    noted = {run: {note["code"] for note in found["notes"]} for run, found in pictures.items()}
    collapsed = [step["diversity"] for step in pictures["collapse"]["steps"]]
    assert min(collapsed[:6]) > 0.8  # before step 300, from where on it got 50 times the rate
    assert max(collapsed[6:]) < 0.2
    assert pictures["collapse"]["diversity_fall"] > 0.7
    assert {run for run, codes in noted.items() if "DIVERSITY_FELL" in codes} == {
        "collapse",
        "lr-too-high",
        "narrow-finetune",
    }
    assert {run for run, codes in noted.items() if "AT_CHANCE" in codes} == {
        "collapse",
        "lr-too-high",
        "shuffled-captions",
    }
    assert not noted["good"] | noted["good-seed2"] | noted["late-bloomer"]
    assert all(found["scoring_jitter"] == 0 for found in pictures.values())


def test_nothing_of_the_demo_is_refused_or_scored_twice(demo: Path) -> None:
    again = clipstore(
        "ingest", demo / "runs", "--db", demo / "clipstore.duckdb",
        "--model", DATA / "small-clip", "--offline", "--format", "json",
    )  # fmt: skip
    (report,) = json.loads(again)
    assert report["n_scored"] == report["n_refused"] == report["n_pending"] == 0
    assert report["n_known"] > 2000


def test_the_report_opens_with_every_run(demo: Path) -> None:
    page = (demo / "clipstore-report.html").read_text()
    for sheets in (DATA / "runs").iterdir():
        assert sheets.name in page
