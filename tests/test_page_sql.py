"""The SQL beside each table and chart: always there, and of this very page, whatever was asked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

import polars as pl
import pytest

from clipstore.analysis.allrules import AllRules
from clipstore.analysis.tostore import judge_and_keep
from clipstore.report import fromstore
from clipstore.report.fromstore import ReportRequest, report_from_store
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.sqlshown import SHOWN
from clipstore.storage.spool import list_parts, spool_folder
from clipstore.storage.sqlfiles import read_statement, ready_queries
from clipstore.storage.store import check_store, merge_parts, open_store, run_query
from tests.packed import packed_pairs
from tests.page_report import (
    NOW,
    TEXTS,
    XHTML,
    Report,
    data_of,
    has_class,
    page_of,
    parse_page,
    text_of,
    two_runs,
)
from tests.store_rows import MODEL_WITHOUT_BAND, model_row, prompt_rows, score_rows, write_rows
from tests.test_store import held_by_another_process

DRAWN = frozenset({"table", "figure", "svg"})
DRAWN_CLASSES = frozenset({"cards", "cards-app", "groups", "multiples", "plot"})
OF_NO_DATA = frozenset({"icon", "hatch"})
NOT_FROM_THE_STORE = frozenset({"agreement"})
"""Published ratings; another test computes them anew."""
NEVER_FIGURES = frozenset({"template", "dialog"})
"""What scripts copy and open: filled with what the sections' JSON blocks hold."""


def without_sql(document: Element) -> list[str]:
    """Tables and charts that name no statement, or one that does not stand in their section; the
    head of the page has its statements in any."""
    found: list[str] = []

    def shown_in(element: Element) -> set[str]:
        return {e.attrib["data-statement"] for e in element.iter() if "data-statement" in e.attrib}

    everywhere = shown_in(document)

    def walk(element: Element, named: str | None, there: set[str]) -> None:
        tag = str(element.tag).rpartition("}")[2]
        classes = set(element.attrib.get("class", "").split())
        if tag in NEVER_FIGURES or classes & (OF_NO_DATA | NOT_FROM_THE_STORE):
            return
        if tag == "ul" and "legend" in classes:
            return
        if tag == "section":
            there = shown_in(element)
        named = element.attrib.get("data-sql", named)
        if "data-sql" in element.attrib and not set(element.attrib["data-sql"].split()) <= there:
            found.append(f"{tag} {element.attrib}: its SQL is not in its section")
        if (tag in DRAWN or classes & DRAWN_CLASSES) and not named:
            found.append(f"{tag} {element.attrib}: no SQL is named")
        for child in element:
            walk(child, named, there)

    walk(document, None, everywhere)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return two_runs(tmp_path / "s.duckdb")


@pytest.fixture(scope="module")
def page_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    store = two_runs(tmp_path_factory.mktemp("store") / "s.duckdb")
    request = ReportRequest(NOW, PictureWishes(embed=False), 12_000_000)
    return render_page(report_from_store(store, request))


def test_every_table_and_chart_has_its_sql_with_a_button_to_copy_it(page_text: str) -> None:
    document = parse_page(page_text)
    assert without_sql(document) == []
    boxes = [e for e in document.iter(f"{XHTML}div") if has_class("sql-text")(e)]
    assert len(boxes) > len(SHOWN)
    for box in boxes:
        (button,) = box.iter(f"{XHTML}button")
        assert has_class("copy")(button)
        assert text_of(button) == "Copy"


def test_a_table_or_chart_without_its_sql_is_found(page_text: str) -> None:
    """Takes away, one at a time, what the walk looks for."""
    names = re.findall(r' data-sql="[^"]+"', page_text)
    assert len(names) >= 18
    for part in {*names, ' data-statement="report_differences"', ' data-statement="report_counts"'}:
        # Sentences and lists of counts name theirs too, but nothing demands it of them.
        if (
            "report_prompt_changes" not in part
            and "report_ingests" not in part
            and "texts" not in part
        ):
            assert without_sql(parse_page(page_text.replace(part, ""))), part
    for part in ('<table class="numbers">', '<figure class="chart">', "<svg></svg>"):
        added = page_text.replace("<h3>Ingests</h3>", f"<h3>Ingests</h3>{part}")
        assert without_sql(parse_page(added)), part


def test_what_stands_there_is_the_file_with_its_parameters_filled(page_text: str) -> None:
    report = Report(Path(), parse_page(page_text))
    for name, kind in SHOWN.items():
        file = re.sub(r"\$\w+", "NULL", read_statement(kind, name).strip())
        assert report.statement(name) == file


def assert_figures_are_their_sql(report: Report, runs: set[str]) -> None:
    """Levels, best steps, intervals and differences of these runs."""
    verdicts = report.answer("report_verdicts").filter(pl.col("run").is_in(runs))
    printed = {
        row.attrib["data-run"]: [text_of(cell) for cell in row]
        for row in report.elements("tr", lambda e: "data-run" in e.attrib)
    }
    assert verdicts["run"].to_list() == sorted(printed) == sorted(runs)
    for row in verdicts.iter_rows(named=True):
        cells = printed[row["run"]]
        assert f"{row['level']:.3f}" in cells[2]
        assert f"{len(row['best_steps'])} of {row['best_of']}" in cells[5]
        assert not row["is_stale"]
    curves = report.answer("report_curves").filter(pl.col("run").is_in(runs))
    wanted = [
        (run, f"{step:,}", f"{low:.4f}", f"{high:.4f}")
        for run, step, low, high in curves.select("run", "step", "low", "high").iter_rows()
    ]
    found = report.rows(has_class("curve-table"))
    assert sorted((run, step, low, high) for run, step, _, low, high, _, _ in found) == sorted(
        wanted
    )
    data = report.block("model-data-1")
    names = [run["name"] for run in data["runs"]] + ["base model"]
    pairs = {(names[a], names[b]): numbers for a, b, *numbers in packed_pairs(data["forest"])}
    answer = {
        (row["run_a"], row["run_b"]): row
        for row in report.answer("report_differences").iter_rows(named=True)
    }
    assert pairs.keys() == answer.keys()
    for pair, row in answer.items():
        wanted_numbers = [row[name] for name in ("difference", "low", "high")]
        assert pairs[pair][:3] == pytest.approx(wanted_numbers, abs=5.1e-6)
        assert not row["is_stale"]


def test_a_page_of_some_runs_has_the_sql_of_its_own_comparison(store: Path) -> None:
    whole = page_of(store)
    before = whole.answer("report_differences")
    some = page_of(store, runs=("a",))
    assert_figures_are_their_sql(some, {"a"})
    assert "This page is of some runs only" in text_of(some.document)
    assert whole.answer("report_differences").rows() == before.rows()
    p_alone, p_together = (
        report.answer("report_differences").row(0, named=True)["p_holm"] for report in (some, whole)
    )
    assert p_alone < p_together  # fewer pairs are allowed for
    quoted = page_of(store, runs=("a", "[b']*"))
    assert_figures_are_their_sql(quoted, {"a", "b"})
    assert some.answer("report_differences").is_empty()  # the last selection replaced it


def test_a_page_by_other_rules_has_the_sql_of_its_own_figures(store: Path) -> None:
    usual = page_of(store)
    usual_curves = usual.answer("report_curves")
    rules = AllRules()
    rules = replace(
        rules,
        verdict=replace(rules.verdict, prior_change_sd=0.08),
        compare=replace(rules.compare, alpha=0.2, wanted_cosine=0.02),
    )
    other = page_of(store, rules=rules)
    assert_figures_are_their_sql(other, {"a", "b"})
    assert other.answer("report_differences")["alpha"].to_list() == [0.2] * 3
    assert_figures_are_their_sql(usual, {"a", "b"})
    assert usual.answer("report_curves").rows() == usual_curves.rows()
    lows = [report.answer("report_curves")["low"].to_list() for report in (usual, other)]
    assert lows[0] != lows[1]
    page_of(store, rules=replace(rules, verdict=replace(rules.verdict, prior_change_sd=0.09)))
    kept = run_query(store, "SELECT DISTINCT changed_rules FROM step_intervals")
    assert kept.height == 2  # the usual ones, and those last asked with
    assert check_store(store) == ()


def test_a_page_over_stale_verdicts_renews_them(store: Path) -> None:
    assert judge_and_keep(store, NOW - timedelta(days=1)) is None
    later = score_rows("a", 1100, {name: 0.3 for name in TEXTS}, TEXTS, at=NOW)
    write_rows(store, later)
    merge_parts(store, wait_seconds=1)
    assert run_query(store, "SELECT DISTINCT run FROM current_intervals WHERE is_stale")[
        "run"
    ].to_list() == ["a"]
    assert_figures_are_their_sql(page_of(store), {"a", "b"})
    write_rows(
        store, score_rows("b", 1100, {name: 0.3 for name in TEXTS}, TEXTS, at=NOW + timedelta(1))
    )
    merge_parts(store, wait_seconds=1)
    for view in ("current_differences", "current_best_checkpoints"):
        assert run_query(store, f"FROM {view}")["is_stale"].any(), view


def test_a_page_of_two_models_has_the_differences_of_both(store: Path) -> None:
    parts = [
        score_rows(
            run,
            step,
            {name: level + 0.01 * i for i, name in enumerate(TEXTS)},
            TEXTS,
            model=MODEL_WITHOUT_BAND,
        )
        for run, level in (("a", 0.1), ("b", 0.12))
        for step in range(100, 1100, 100)
    ]
    write_rows(store, {"models": [model_row(MODEL_WITHOUT_BAND)]}, prompt_rows("a", TEXTS), *parts)
    merge_parts(store, wait_seconds=1)
    report = page_of(store)
    assert without_sql(report.document) == []
    answer = report.answer("report_differences")
    assert answer.group_by("model").len()["len"].to_list() == [3, 3]
    for number in (1, 2):
        data = report.block(f"model-data-{number}")
        names = [run["name"] for run in data["runs"]] + ["base model"]
        drawn = {
            (names[a], names[b], n_prompts): difference
            for a, b, difference, _, _, _, n_prompts in packed_pairs(data["forest"])
        }
        told = {
            (row["run_a"], row["run_b"], row["n_prompts"]): row["difference"]
            for row in answer.iter_rows(named=True)
        }
        for key, difference in drawn.items():
            assert difference == (
                None if told[key] is None else pytest.approx(told[key], abs=5.1e-6)
            )


def test_while_the_database_is_in_use_the_page_says_that_its_sql_lags(store: Path) -> None:
    with held_by_another_process(store, read_only=True):
        held = page_of(store)
        assert len(list_parts(spool_folder(store))) == 1
    lagging = "The database was in use while this page was made"
    assert lagging in text_of(next(held.elements("ul", has_class("cautions"))))
    boxes = [
        text_of(e) for e in held.elements("details", has_class("sql")) if lagging in text_of(e)
    ]
    assert len(boxes) == 4  # verdicts, curves, differences, and the settings beside verdicts
    assert_figures_are_their_sql(held, {"a", "b"})  # asking merged what waited
    assert lagging not in text_of(page_of(store).document)


def test_a_database_that_cannot_be_written_is_said_to_hold_other_figures(store: Path) -> None:
    spool = spool_folder(store)
    spool.rmdir()
    spool.write_text("in the way")
    page = text_of(page_of(store).document)
    assert "could not be written to the database: the SQL beside them gives those" in page
    assert str(store.parent) not in page


def test_runs_that_are_too_many_to_compare_have_best_steps_and_no_empty_sql(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fromstore, "MAX_COMPARED_RUNS", 1)
    report = page_of(store)
    assert without_sql(report.document) == []
    assert "2 runs with 178 scores were not compared" in text_of(report.document)
    assert report.answer("report_verdicts")["best_of"].to_list() == [10, 10]
    assert run_query(store, "FROM run_differences").is_empty()


def test_asking_for_the_page_again_writes_nothing(store: Path) -> None:
    page_of(store)
    before = store.read_bytes()
    page_of(store, generated_at=NOW + timedelta(days=1))
    assert store.read_bytes() == before
    page_of(store, judged_at=NOW + timedelta(days=1), planned_steps=7)
    assert store.read_bytes() == before


def test_figures_do_not_pile_up_with_the_ingests(store: Path) -> None:
    sizes = []
    for number in range(12):
        at = NOW + timedelta(hours=number)
        step = 1100 + 100 * number
        write_rows(store, score_rows("a", step, {name: 0.25 for name in TEXTS}, TEXTS, at=at))
        merge_parts(store, wait_seconds=1)
        data_of(store, generated_at=at)
        sizes.append(store.stat().st_size)
    with open_store(store) as reader:
        counts = [
            reader.frame(f"FROM {table}").height
            for table in ("step_intervals", "best_checkpoints", "run_differences")
        ]
    assert counts == [22 + 10, 2, 3]
    assert sizes[-1] < 1.5 * sizes[5]
    assert check_store(store) == ()


def test_the_ready_questions_say_what_the_page_prints(store: Path) -> None:
    report = page_of(store)
    asked = {query.name: query.sql for query in ready_queries()}
    best = run_query(store, asked["best_checkpoints"], {"run": "b"})
    (row,) = best.iter_rows(named=True)
    shown = report.answer("report_verdicts").filter(pl.col("run") == "b").row(0, named=True)
    assert (row["steps"], row["n_validations"]) == (shown["best_steps"], shown["best_of"])
    told = run_query(store, asked["run_differences"], {"run": "b"})
    assert told["than_run"].to_list() == ["base model", "a"]
    pairs = report.answer("report_differences")
    a_minus_b = pairs.filter(pl.col("run_b") == "b").row(0, named=True)
    b_minus_a = told.row(1, named=True)
    assert b_minus_a["difference"] == -a_minus_b["difference"]
    assert (b_minus_a["low"], b_minus_a["high"]) == (-a_minus_b["high"], -a_minus_b["low"])
    assert b_minus_a["verdict"] == a_minus_b["verdict"] == "not rankable by CLIP"
    with open_store(store) as reader:
        pair = reader.frame("FROM run_differences WHERE run_b_id IS NOT NULL").row(0, named=True)
    later = pair["compared_at"] + timedelta(hours=1)
    write_rows(store, {"run_differences": [pair | {"verdict": "higher", "compared_at": later}]})
    merge_parts(store, wait_seconds=1)
    for verdict, run, than_run in (("higher", "a", "b"), ("lower", "b", "a")):
        found = run_query(store, asked["run_differences"], {"verdict": verdict})
        assert found.select("run", "than_run").rows() == [(run, than_run)]
