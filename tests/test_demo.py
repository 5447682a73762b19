"""The demo is real: what ships is what was trained, and it goes the whole way offline."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.demo.layout import PROMPT_LIBRARY, lay_out_run
from clipstore.resources import resource_folder
from tests.discovered import discover

DATA = resource_folder("demo_data")
RUNS = DATA / "runs"
LEARN = ("good", "good-seed2", "late-bloomer")
"""Set up so that they learn to follow prompts."""
DO_NOT = ("lr-too-high", "lr-too-low", "shuffled-captions", "collapse", "narrow-finetune")
"""Set up so that they do not, or lose it."""
FILES_LIMIT_BYTES = 20_000_000


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
    assert sum(size for _, size in listed.values()) < FILES_LIMIT_BYTES


def test_the_eight_runs_have_equal_plans_and_prompts() -> None:
    assert {run.name for run in RUNS.iterdir()} == {*LEARN, *DO_NOT}
    plans, prompts, steps = set(), set(), set()
    for run in RUNS.iterdir():
        plans.add(json.loads((run / "config.json").read_text())["--max_train_steps"])
        prompts.add((run / PROMPT_LIBRARY).read_text())
        steps.add(tuple(sorted({sheet.name.split("_")[1] for sheet in run.glob("step_*.webp")})))
    assert len(plans) == len(prompts) == len(steps) == 1
    assert 24 <= len(json.loads(prompts.pop())) <= 40
    assert len(steps.pop()) >= 1 + 12  # the base model and the validations


def test_laying_out_changes_no_pixel_of_a_picture(tmp_path: Path) -> None:
    sheets = RUNS / "good"
    names = list(json.loads((sheets / PROMPT_LIBRARY).read_text()))
    assert lay_out_run(sheets, tmp_path / "good") == 12 * len(names)
    run = discover(tmp_path).runs[0]
    newest = max(sheets.glob("step_*_0.webp"))
    last_step = int(newest.stem.split("_")[1])
    drawn = np.asarray(
        Image.open(tmp_path / f"good/validation_images/step_{last_step}_{names[0]}_0_192x192.png")
    )
    native = np.asarray(Image.open(newest).convert("RGB"))[:48]
    below_the_label = drawn[48:192, 197:389][::4, ::4]
    assert np.array_equal(below_the_label, native[12:48])
    assert run.run.planned_steps == last_step


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `clipstore demo here` leaves. Only to be read."""
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


def verdicts_of(store: Path) -> dict[str, dict[str, object]]:
    answer = clipstore("verdict", "--db", store, "--format", "jsonl")
    return {row["run"]: row for row in map(json.loads, answer.splitlines())}


@pytest.fixture(scope="module")
def verdicts(demo: Path) -> dict[str, dict[str, object]]:
    return verdicts_of(demo / "clipstore.duckdb")


def test_no_run_that_does_not_learn_is_told_to_keep_going(verdicts: dict) -> None:
    said = {run: verdicts[run]["verdict"] for run in DO_NOT}
    assert set(said.values()) <= {"abandon", "cannot tell yet"}, said


@pytest.mark.parametrize("run", ["lr-too-low", "shuffled-captions"])
def test_a_run_that_never_learned_is_abandoned_as_stuck(verdicts: dict, run: str) -> None:
    assert verdicts[run]["verdict"] == "abandon"
    assert verdicts[run]["abandon"]["reason"] in ("STUCK_POOR", "STUCK_BELOW_BAND")


def test_a_collapse_is_told_as_one_with_the_checkpoint_to_go_back_to(verdicts: dict) -> None:
    abandon = verdicts["collapse"]["abandon"]
    assert abandon["reason"] == "COLLAPSED"
    assert 30 <= abandon["peak_step"] <= 60  # the rate climbs from step 60 on


def test_a_creeping_rise_far_below_the_base_is_told_as_too_slow(verdicts: dict) -> None:
    verdict = verdicts["lr-too-high"]
    assert "TOO_SLOW" in verdict["notes"]
    assert any("surely below its own base model" in reason for reason in verdict["reasons"])


@pytest.mark.parametrize("run", ["lr-too-high", "collapse", "shuffled-captions"])
def test_a_run_that_lost_what_its_base_had_is_shown_below_it(verdicts: dict, run: str) -> None:
    assert verdicts[run]["base"]["high"] < 0


@pytest.mark.parametrize("run", LEARN)
def test_a_run_that_learned_is_shown_above_its_base(verdicts: dict, run: str) -> None:
    assert verdicts[run]["base"]["low"] > 0


def test_no_run_that_learns_is_abandoned(verdicts: dict) -> None:
    said = {run: verdicts[run]["verdict"] for run in LEARN}
    assert "abandon" not in said.values(), said


def test_every_verdict_comes_with_reasons_in_numbers(verdicts: dict) -> None:
    for run, verdict in verdicts.items():
        assert verdict["reasons"], run
        assert any(any(c.isdigit() for c in reason) for reason in verdict["reasons"]), run


def test_the_pictures_show_what_was_done_to_each_run(verdicts: dict) -> None:
    pictures = {run: verdict["pictures"] for run, verdict in verdicts.items()}
    diversity = {
        run: [step["diversity"] for step in found["steps"]] for run, found in pictures.items()
    }
    assert min(diversity["collapse"][:6]) > 0.8  # before step 60, from where on its rate climbs
    assert max(diversity["collapse"][7:]) < 0.4
    assert pictures["collapse"]["diversity_fall"] > 0.6
    assert diversity["narrow-finetune"][-1] < min(diversity[run][-1] for run in LEARN)
    noted = {run: {note["code"] for note in found["notes"]} for run, found in pictures.items()}
    fallen = {run for run, codes in noted.items() if "DIVERSITY_FELL" in codes}
    assert fallen == {"collapse", "lr-too-high"}
    assert {run for run, codes in noted.items() if "AT_CHANCE" in codes} == {"collapse"}
    # The rate that is too low moves nothing; the good runs' rate has settled to a twentieth.
    frozen = {run for run, codes in noted.items() if "FROZEN" in codes}
    assert frozen == {"lr-too-low", "good", "good-seed2"}
    assert all(found["scoring_jitter"] == 0 for found in pictures.values())


def test_nothing_of_the_demo_is_refused_or_scored_twice(demo: Path) -> None:
    again = clipstore(
        "ingest", demo / "runs", "--db", demo / "clipstore.duckdb",
        "--model", DATA / "small-clip", "--offline", "--format", "json",
    )  # fmt: skip
    (report,) = json.loads(again)
    assert report["n_scored"] == report["n_refused"] == report["n_pending"] == 0
    assert report["n_known"] > 2000


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_the_report_opens_and_draws_every_run(demo: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    complaints: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_context(offline=True).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((demo / "clipstore-report.html").as_uri())
        page.locator("#chart-1").scroll_into_view_if_needed()  # it is drawn when it is seen
        page.locator("#chart-1 path.js-line").first.wait_for(state="attached")
        drawn = page.evaluate(
            "document.getElementById('chart-1').data"
            ".filter((t) => t.meta === 'run').map((t) => [t.name, t.x.length])"
        )
        browser.close()
    assert sorted(drawn) == [[run, 12] for run in sorted((*LEARN, *DO_NOT))]
    assert complaints == []
