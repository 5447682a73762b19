"""Where a user meets what the pictures' vectors say: the verdict's text and lines, the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from clipstore.cli import cli
from clipstore.picturefindings import PictureFindings, PictureNote
from clipstore.report.gather import PageExtras, gather_report
from clipstore.report.page import render_page
from tests.picture_runs import OWN, ingest, look_at, write_run
from tests.report_example import NOW, small_inputs


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a has the pictures of step 300 one prompt further on."""
    folder = tmp_path_factory.mktemp("shown")
    rng = np.random.default_rng(1)
    run = {step: OWN + rng.normal(0, 0.1, OWN.shape) for step in (100, 200, 300, 400)}
    run[300] = np.roll(run[300], 1, axis=0)
    write_run(folder / "runs/a", run)
    ingest(folder / "runs", folder / "s.duckdb")
    return folder / "s.duckdb"


def clipstore(*arguments: object) -> tuple[str, str]:
    """(stdout, stderr)"""
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_the_verdict_tells_it_after_its_own_reasons(store: Path) -> None:
    told, _ = clipstore("verdict", "--db", store)
    assert "Pictures seem to belong to other prompts at step 300" in told
    assert told.index("clip/mean") < told.index("Pictures seem")
    assert "Pictures seem" not in clipstore("verdict", "--db", store, "--no-pictures")[0]


def test_a_line_of_json_has_the_notes_and_the_numbers_of_every_validation(store: Path) -> None:
    (line,) = clipstore("verdict", "--db", store, "--format", "jsonl")[0].splitlines()
    pictures = json.loads(line)["pictures"]
    assert [note["code"] for note in pictures["notes"]] == ["PICTURES_OF_OTHER_PROMPTS"]
    assert pictures["mismatched_steps"] == [300]
    assert [step["step"] for step in pictures["steps"]] == [100, 200, 300, 400]
    own = [step["own_cosine"] for step in pictures["steps"]]
    assert own[2] < min(own[0], own[1], own[3])
    (line,) = clipstore("verdict", "--db", store, "--no-pictures", "--format", "jsonl")[
        0
    ].splitlines()
    assert json.loads(line)["pictures"] is None


def test_a_store_too_large_to_look_at_unasked_says_so(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipstore.analysis.picturesfromstore.PICTURES_UNASKED", 10)
    told, messages = clipstore("verdict", "--db", store)
    assert "Pictures seem" not in told
    assert "48 pictures were not compared with each other" in messages
    assert "Pictures seem" in clipstore("verdict", "--db", store, "--pictures")[0]


def test_vectors_that_are_missing_are_told_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / "runs" / name, {step: OWN for step in (100, 200)})
    ingest(tmp_path / "runs", tmp_path / "s.duckdb", keep_embeddings=False)
    _, messages = clipstore("verdict", "--db", tmp_path / "s.duckdb")
    assert messages.count("The pictures were not compared") == 1
    assert "a, b: The pictures" in messages


def test_the_page_shows_the_notes_in_the_row_of_their_run(tmp_path: Path) -> None:
    verdicts, tables = small_inputs()
    looked = look_at(tmp_path, {step: OWN for step in (100, 200)})
    assert looked.pictures is not None
    note = PictureNote("FROZEN", 100, "Frozen since <step> 100.")
    pictures = replace(looked.pictures, notes=(note,))
    page = render_page(
        gather_report(
            [replace(verdicts[0], pictures=pictures)],
            tables,
            generated_at=NOW,
            version="0.1.0",
            extras=PageExtras(pictures_not_compared="Not all was compared."),
        )
    )
    assert "<li>Frozen since &lt;step&gt; 100.</li>" in page
    assert "Not all was compared." in page
    block = re.search(r'id="clipstore-verdicts">(.*?)</script>', page, re.S)
    assert block is not None
    (row,) = json.loads(block[1])["verdicts"]
    assert [each["code"] for each in row["pictures"]["notes"]] == ["FROZEN"]
    assert "steps" not in row["pictures"]


def test_a_run_with_nothing_to_note_has_no_heading_for_it() -> None:
    nothing = PictureFindings((), (), None, None, None, None, (), None, ())
    verdicts, tables = small_inputs()
    page = render_page(
        gather_report(
            [replace(verdicts[0], pictures=nothing)], tables, generated_at=NOW, version="0.1.0"
        )
    )
    assert "From the pictures themselves" not in page
