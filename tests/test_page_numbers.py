"""Every figure that the page prints is what the SQL beside it gives: read, run and compared."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import numpy as np
import polars as pl
import pytest

from benchmarks.human_agreement import legend
from clipstore.analysis.tostore import judge_and_keep
from clipstore.report.agreement import human_agreement
from clipstore.report.fromstore import ReportRequest, report_from_store
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.sqlshown import SHOWN
from clipstore.resources import resource_folder
from clipstore.storage.store import merge_parts, run_query
from tests.store_rows import (
    config_rows,
    ingest_row,
    model_row,
    problem_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)
from tests.tifa import tifa160

XHTML = "{http://www.w3.org/1999/xhtml}"
NOW = datetime(2026, 1, 3, tzinfo=UTC)
TEXTS = {
    f"p{i:02}": text
    for i, text in enumerate(
        [
            "a red fox",
            'a shop with a sign that says "open"',
            "a prompt of many words " * 4,
            *[f"an animal called {name}" for name in ("Ada", "Bo", "Cy", "Di", "Ed", "Fay")],
        ]
    )
}
EDITED = TEXTS | {"p00": "a very red fox"}


@dataclass(frozen=True)
class Report:
    """A store and the page made of it."""

    store: Path
    document: Element

    def rows(self, selector: Callable[[Element], bool]) -> list[list[str]]:
        """The body cells of the first table that fits, as text."""
        table = next(e for e in self.document.iter(f"{XHTML}table") if selector(e))
        body = table.find(f"{XHTML}tbody")
        assert body is not None
        return [[text_of(cell) for cell in row] for row in body]

    def answer(self, name: str) -> pl.DataFrame:
        """What the SQL that stands on the page gives, the page's own text."""
        shown = [text_of(e) for e in self.document.iter(f"{XHTML}code")]
        file = resource_folder("sql") / SHOWN[name] / f"{name}.sql"
        (sql,) = {text for text in shown if text == file.read_text(encoding="utf-8").strip()}
        return run_query(self.store, sql)


def text_of(element: Element) -> str:
    return (
        " ".join("".join(element.itertext()).split())
        if element.tag != f"{XHTML}code"
        else ("".join(element.itertext()))
    )


def has_class(name: str) -> Callable[[Element], bool]:
    return lambda table: name in table.attrib.get("class", "").split()


def number(text: str) -> float:
    return float(re.sub(r"[,%± ]", "", text.replace("−", "-")))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Two runs with base pictures; one lacks pictures at a step and has an edited prompt."""
    store = tmp_path_factory.mktemp("store") / "s.duckdb"
    parts = [{"models": [model_row()], "runs": [run_row("a"), run_row("b")]}]
    parts += [config_rows("a", lr=1e-4, rank=16), config_rows("b", lr=3e-4, rank=16)]
    parts += [prompt_rows("a", TEXTS), prompt_rows("b", TEXTS), prompt_rows("b", EDITED)]
    for k, step in enumerate(range(100, 1100, 100)):
        for run, level in (("a", 0.21 + 0.008 * k), ("b", 0.24 - 0.001 * k)):
            texts = EDITED if run == "b" and step >= 600 else TEXTS
            cosines = {
                name: level + 0.013 * i + 0.002 * ((7 * i + k) % 5)
                for i, name in enumerate(texts)
                if not (run == "b" and step == 300 and i > 6)
            }
            parts.append(score_rows(run, step, cosines, texts))
            base = {name: 0.2253 + 0.013 * i for i, name in enumerate(TEXTS)}
            if k == 0:
                parts.append(score_rows(run, step, base, TEXTS, panel="base"))
    parts.append(
        {
            "problems": [
                problem_row("b", "step_000300/only-p07-0.png"),
                problem_row("b", "step_000300/only-p08-0.png"),
                problem_row(None, "/strays/x.png", reason="unknown_name"),
            ]
        }
    )
    parts.append({"ingests": [ingest_row(n_scored=168, n_refused=3)]})
    write_rows(store, *parts)
    merge_parts(store, wait_seconds=1)
    assert judge_and_keep(store, NOW) is None
    request = ReportRequest(NOW, PictureWishes(embed=False), 12_000_000)
    page = render_page(report_from_store(store, request))
    return Report(store, html5lib.parse(page))


def test_the_verdict_table_is_its_sql(report: Report):
    table = next(e for e in report.document.iter(f"{XHTML}table") if has_class("verdicts")(e))
    printed = {
        row.attrib["data-run"]: [text_of(cell) for cell in row]
        for row in table.iter(f"{XHTML}tr")
        if "data-run" in row.attrib
    }
    answer = report.answer("report_verdicts")
    assert printed.keys() == set(answer["run"])
    for row in answer.iter_rows(named=True):
        cells = printed[row["run"]]
        level, against, last = cells[2], cells[3], cells[6]
        assert f"{row['level']:.3f}" in level
        assert f"± {(row['level_high'] - row['level_low']) / 2:.3f}" in level
        assert f"{100 * row['last_share_in_band']:.0f} % in band" in level
        assert f"{row['base_difference']:+.3f}".replace("-", "−") in against
        assert f"± {(row['base_high'] - row['base_low']) / 2:.3f}" in against
        assert f"{row['last_step']:,}" in last
        assert f"of {row['planned_steps']:,}" in last
        assert f"{row['n_prompts']} prompts" in last
        assert f"{row['n_validations']} validations" in last
        assert row["sentence"] in cells[1]
        assert not row["is_stale"]


def test_the_curves_are_their_sql(report: Report):
    answer = report.answer("report_curves")
    wanted = {(r["run"], r["step"]): r for r in answer.iter_rows(named=True)}
    printed = report.rows(has_class("curve-table"))
    assert len(printed) == len(wanted) == 20
    for run, step, mean, _, _, n_prompts, n_images in printed:
        row = wanted[run, int(number(step))]
        assert mean == f"{row['clip_mean']:.4f}"
        assert (number(n_prompts), number(n_images)) == (row["n_prompts"], row["n_images"])


def test_the_spread_is_its_sql(report: Report):
    block = next(
        e for e in report.document.iter(f"{XHTML}script") if e.attrib.get("id") == "model-data-1"
    )
    runs = {run["name"]: run for run in json.loads(text_of(block))["runs"]}
    for row in report.answer("report_spread").iter_rows(named=True):
        run = runs[row["run"]]
        at = run["steps"].index(row["step"])
        quantiles = [row[q] for q in ("min", "p10", "p25", "p50", "p75", "p90", "max")]
        assert run["spread"][at] == pytest.approx(quantiles, abs=5e-6)
        assert run["poor"][at] == pytest.approx(row["share_poor"], abs=5e-6)
        assert run["band"][at] == pytest.approx(row["share_in_band"], abs=5e-6)
        assert run["n"][at] == row["n_prompts"]


def test_the_validations_that_lack_pictures_are_their_sql(report: Report):
    printed = report.rows(has_class("coverage-table"))
    wanted = report.answer("report_coverage").select("run", "step", "n_scored", "n_expected")
    assert [(r[0], *(int(number(c)) for c in r[1:])) for r in printed] == wanted.rows()
    assert wanted.rows() == [("b", 300, 7, 9)]


def test_the_files_without_a_score_are_their_sql(report: Report):
    printed = report.rows(has_class("problems"))
    wanted = report.answer("report_problem_counts")
    assert [(row[0].split("while")[0].strip(), int(number(row[2]))) for row in printed] == [
        (r["reason"].replace("_", " "), r["n_files"]) for r in wanted.iter_rows(named=True)
    ]
    assert sum(r[3] for r in wanted.rows()) == report.answer("refused_files").height == 3


def test_the_prompts_counts_are_their_sql(report: Report):
    section = next(
        e for e in report.document.iter(f"{XHTML}section") if e.attrib.get("id") == "data-quality"
    )
    text = text_of(section)
    truncated = report.answer("truncated_prompts")["text"].n_unique()
    asking = report.answer("report_asking_prompts").height
    edited = report.answer("edited_prompts").select("run", "prompt_id").unique().height
    assert (truncated, asking, edited) == (1, 1, 1)
    assert f"do not count: {truncated}." in text
    assert f"the thing itself: {asking}." in text
    assert f"changed within a run: {edited}." in text
    assert "b, p00, step 600 to 1,000: a very red fox" in text


def test_the_settings_are_their_sql(report: Report):
    printed = {row[0]: row[3:] for row in report.rows(has_class("settings"))}
    wanted = report.answer("config_differences")
    assert wanted["setting"].unique().to_list() == ["lr"]
    assert {run: [value] for _, run, value in wanted.rows()} == printed


def test_the_packed_prompt_scores_are_their_sql(report: Report):
    block = next(
        e for e in report.document.iter(f"{XHTML}script") if e.attrib.get("id") == "cube-1"
    )
    cube = json.loads(text_of(block))
    cells = np.frombuffer(base64.b64decode(cube["cells"]), "<u2").astype(float)
    cells[cells == cube["missing"]] = np.nan
    cells = (cells - cube["zero"]) / cube["units"]
    n_prompts = len(cube["prompts"])
    names = [prompt_id for _, prompt_id, _ in cube["prompts"]]
    answer = report.answer("report_prompts")
    order = [row[0] for row in report.rows(has_class("settings"))]
    start, seen = 0, 0
    for run, steps in zip(order, cube["steps"], strict=True):
        block_cells = cells[start : start + (1 + len(steps)) * n_prompts].reshape(-1, n_prompts)
        start += block_cells.size
        for panel, prompt, step, cosine in (
            answer.filter(pl.col("run") == run)
            .select("panel", "prompt_id", "step", "cosine")
            .iter_rows()
        ):
            row = 0 if panel == "base" else 1 + steps.index(step)
            assert block_cells[row, names.index(prompt)] == pytest.approx(cosine, abs=5.1e-5)
            seen += 1
    assert seen == answer.height == int(np.isfinite(cells).sum())


def test_the_cards_are_their_sql(report: Report):
    base = {
        (row["run"], row["prompt_id"]): row["mean"]
        for row in run_query(
            report.store, "SELECT run, prompt_id, mean FROM prompt_step WHERE panel = 'base'"
        ).iter_rows(named=True)
    }
    compared = 0
    for part in report.document.iter(f"{XHTML}details"):
        if not has_class("run-prompts")(part):
            continue
        run = text_of(next(part.iter(f"{XHTML}bdi")))
        groups = [e for e in part.iter(f"{XHTML}div") if has_class("cards")(e)]
        for name, cards in zip(("worst_prompts", "best_prompts"), groups, strict=True):
            answer = report.answer(name).filter(pl.col("run") == run)
            for card, row in zip(cards, answer.head(len(cards)).iter_rows(named=True), strict=True):
                printed = text_of(card)
                change = row["cosine"] - base[run, row["prompt_id"]]
                assert f" {row['prompt_id']} " in printed
                assert (
                    f"{row['cosine']:.3f} {change:+.3f} against base".replace("-", "−") in printed
                )
                compared += 1
    assert compared >= 6


def test_the_counts_of_the_ingest_are_their_sql(report: Report):
    last = report.answer("report_ingests").row(-1, named=True)
    page = text_of(report.document)
    states = ("seen", "scored", "known", "pending", "refused", "skipped")
    said = ", ".join(f"{last[f'n_{state}']:,} {state}" for state in states)
    assert f"The latest: {said}." in page


def test_the_curve_of_the_edited_run_breaks_where_it_was_edited(report: Report):
    block = next(
        e for e in report.document.iter(f"{XHTML}script") if e.attrib.get("id") == "chart-data-1"
    )
    traces = {t["name"]: t for t in json.loads(text_of(block))["data"] if t["meta"] == "run"}
    assert traces["b"]["x"] == [100, 200, 300, 400, 500, None, 600, 700, 800, 900, 1000]
    assert None not in traces["a"]["x"]


def test_peoples_agreement_is_computed_anew(report: Report):
    file = resource_folder("reports") / "human_agreement.json"
    assert json.loads(file.read_text()) == legend(tifa160())
    printed = report.rows(has_class("agreement"))
    assert [(row[0], int(number(row[1])), int(number(row[2]))) for row in printed] == [
        (case.case, case.n_pairs, case.n_agree) for case in human_agreement().cases
    ]


def test_every_statement_that_the_page_shows_is_a_file_and_runs(report: Report):
    files = {
        (resource_folder("sql") / kind / f"{name}.sql").read_text(encoding="utf-8").strip()
        for name, kind in SHOWN.items()
    }
    boxes = [e for e in report.document.iter(f"{XHTML}div") if has_class("sql-text")(e)]
    statements = [text_of(code) for box in boxes for code in box.iter(f"{XHTML}code")]
    assert len(statements) >= 13
    for sql in statements:
        assert sql in files
        assert run_query(report.store, sql).width > 0
