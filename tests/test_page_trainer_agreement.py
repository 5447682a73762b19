"""The page's section on the trainer's own clip/mean: there when a log has one, with the cause."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import polars as pl
import pytest

from clipstore.report.clipagreement import CAUSES
from clipstore.report.gather import gather_report
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.tables import TRAINER_AGREEMENT_COLUMNS
from clipstore.storage.sqlfiles import read_statement
from tests.report_example import NOW, many_runs

CODES = re.findall(r"(?:THEN|ELSE) '(\w+)'", read_statement("views", "clip_agreement"))


def agreement(*rows: tuple[str, float, str]) -> pl.DataFrame:
    """(run, mean difference, code) each."""
    return pl.DataFrame(
        [
            {
                "run": run,
                "model": "tiny",
                "n_validations": 3,
                "mean_difference": difference,
                "largest_difference": abs(difference) + 0.001,
                "likely_cause": code,
                "trainer_model": "openai/other" if code == "other_model" else None,
            }
            for run, difference, code in rows
        ],
        schema=TRAINER_AGREEMENT_COLUMNS,
    )


RUNS = ("sweep/run-0", "sweep/run-1")


def section_of(found: pl.DataFrame) -> str:
    """The section's text on a page of two runs."""
    verdicts, tables = many_runs(2, 3)
    assert {verdict.run for verdict in verdicts} == set(RUNS)
    tables = replace(tables, trainer_agreement=found)
    wishes = PictureWishes(embed=False)
    page = render_page(
        gather_report(verdicts, tables, generated_at=NOW, version="0.1.0", wishes=wishes)
    )
    match = re.search(r'<section id="trainer-agreement".*?</section>', page, re.S)
    assert (match is not None) == ('href="#trainer-agreement"' in page)
    text = (
        "" if match is None else re.sub(r"<details.*?</details>|<[^>]+>", " ", match[0], flags=re.S)
    )
    return " ".join(unescape(text).split())


def test_every_code_of_the_view_has_its_sentence() -> None:
    assert set(CODES) == set(CAUSES)


def test_without_a_logged_clip_mean_there_is_no_section() -> None:
    assert section_of(agreement()) == ""


@pytest.mark.parametrize("code", ["other_model", "blank_prompt_missing"])
def test_a_run_that_parts_from_its_log_is_counted_and_explained(code: str) -> None:
    text = section_of(
        agreement((RUNS[1], -0.042, code), (RUNS[0], 0.001, "agrees"), ("gone", 0.1, "unknown"))
    )
    assert "1 of 2 runs logged another clip/mean" in text
    assert CAUSES[code] in text and "−0.042" in text
    assert ("openai/other" in text) == (code == "other_model")
    assert RUNS[0] in text and "gone" not in text


def test_logs_that_agree_are_said_to() -> None:
    text = section_of(agreement(*((run, 0.0, "agrees") for run in RUNS)))
    assert "What the trainers logged agrees with the scores on this page." in text
