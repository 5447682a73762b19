"""A page is never larger than was asked for, and says with counts what it leaves out for that."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from clipstore.errors import PageTooLarge
from clipstore.report.data import ReportData
from clipstore.report.fromstore import ReportRequest, report_from_store
from clipstore.report.page import render_page
from clipstore.report.pagefit import SHARE_OF_CARDS, SHARE_OF_CUBES_ALONE, text_bytes
from clipstore.report.pictureregister import PictureWishes
from clipstore.storage.store import merge_parts
from tests.in_chromium import needs_chromium, open_browser, visit
from tests.page_report import NOW
from tests.page_text import json_block, table_rows
from tests.store_rows import (
    config_rows,
    ingest_row,
    model_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)

N_RUNS, N_PROMPTS, STEPS = 24, 60, tuple(range(100, 900, 100))
TEXTS = {
    f"p{i:02}": f"animal number {i} in a wood, {'very ' * 20}far away" for i in range(N_PROMPTS)
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with many prompts and validations for so small a page; none of their files is there."""
    store = tmp_path_factory.mktemp("store") / "s.duckdb"
    runs = [f"run-{r:02}" for r in range(N_RUNS)]
    parts = [{"models": [model_row()], "runs": [run_row(run) for run in runs]}]
    for r, run in enumerate(runs):
        parts += [config_rows(run, lr=r / 1e5), prompt_rows(run, TEXTS)]
        for k, step in enumerate(STEPS):
            level = 0.18 + 0.006 * r + 0.004 * k * (r % 3 - 1)
            cosines = {
                name: level + 0.001 * i + 0.002 * ((7 * i + 3 * k + r) % 5)
                for i, name in enumerate(TEXTS)
            }
            parts.append(score_rows(run, step, cosines, TEXTS))
    parts.append({"ingests": [ingest_row(n_scored=N_RUNS * N_PROMPTS * len(STEPS))]})
    write_rows(store, *parts)
    merge_parts(store, wait_seconds=5)
    return store


@pytest.fixture(scope="module")
def data(store: Path) -> ReportData:
    return report_from_store(store, ReportRequest(NOW, PictureWishes(embed=False), 12_000_000))


def small(data: ReportData, cap: int) -> str:
    return render_page(replace(data, size_cap_bytes=cap))


@pytest.fixture(scope="module")
def whole_bytes(data: ReportData) -> int:
    return len(render_page(data).encode())


@pytest.fixture(scope="module")
def smallest_bytes(data: ReportData) -> int:
    """Of the page with one run and nothing of its prompts."""
    with pytest.raises(PageTooLarge) as refused:
        small(data, 1_000)
    return round(float(re.search(r"still has ([\d.]+) MB", str(refused.value))[1]) * 1e6)


def test_nothing_is_left_out_where_all_fits(data: ReportData):
    page = render_page(data)
    assert 'class="notice"' not in page
    assert data.sections[0].cube.left_out is None


@pytest.mark.parametrize("share", [0.97, 0.9, 0.75, 0.5, 0.3, 0.15, 0.05])
def test_the_cap_holds_whatever_is_asked_for(
    data: ReportData, whole_bytes: int, smallest_bytes: int, share: float
):
    cap = round(smallest_bytes + 10_000 + share * (whole_bytes - smallest_bytes))
    page = small(data, cap)
    assert 0.7 * cap < len(page.encode()) <= cap


def test_scores_give_way_before_cards_and_cards_before_runs(
    data: ReportData, whole_bytes: int, smallest_bytes: int
):
    kept = []
    for share in (0.97, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1):
        page = small(data, round(smallest_bytes + share * (whole_bytes - smallest_bytes)))
        kept.append(
            (
                len(json_block(page, "cube-1")["steps"]),
                len(json_block(page, "cards-data")[0]["runs"]),
                len(table_rows(page)),
            )
        )
    assert kept == sorted(kept, reverse=True)
    assert all(cards == N_RUNS for cube, cards, _ in kept if cube)
    assert all(rows == N_RUNS for _, cards, rows in kept if cards)
    assert any(0 < cube < N_RUNS for cube, _, _ in kept)
    assert any(0 < cards < N_RUNS for _, cards, _ in kept)
    assert any(1 < rows < N_RUNS for _, _, rows in kept)


def test_every_part_says_how_much_of_it_is_left_out(
    data: ReportData, whole_bytes: int, smallest_bytes: int
):
    cap = round(smallest_bytes + 0.3 * (whole_bytes - smallest_bytes))
    page = small(data, cap)
    rows = len(table_rows(page))
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert f"This page has the first {rows} of {N_RUNS} runs in the order of the table" in text
    assert f"The cards of {N_RUNS} runs are not on this page" in text
    n_validations = N_RUNS * len(STEPS)
    assert f"the scores prompt by prompt of {n_validations} validations of {N_RUNS} runs" in text
    block = json_block(page, "clipstore-verdicts")
    assert (len(block["verdicts"]), block["n_left_out"]) == (rows, N_RUNS - rows)
    left_out = re.search(r"Left out: ([^.]+)\.", text)[1]
    assert sum(map(int, re.findall(r"\d+", left_out))) == N_RUNS - rows
    assert f"<h1>{N_RUNS} runs: " in page


def test_those_to_act_on_stay_longest(data: ReportData, whole_bytes: int, smallest_bytes: int):
    page = small(data, round(smallest_bytes + 0.2 * (whole_bytes - smallest_bytes)))
    names = [run["name"] for run in json_block(page, "model-data-1")["runs"]]
    assert names == [row.verdict.run for row in data.sections[0].rows[: len(names)]]


def test_scores_and_cards_have_a_share_each_so_that_pictures_have_room(store: Path):
    cap = 400_000
    request = ReportRequest(NOW, PictureWishes(embed=False), cap)
    data = report_from_store(store, request)
    (section,) = data.sections
    assert 0 < section.cube.n_bytes <= SHARE_OF_CUBES_ALONE * cap
    assert 0 < len(section.prompts) < section.n_runs_with_cards
    assert 0 < text_bytes(data.sections) - section.cube.n_bytes <= SHARE_OF_CARDS * cap


def test_a_page_that_cannot_be_so_small_is_refused_with_what_would_do(
    data: ReportData, smallest_bytes: int
):
    with pytest.raises(PageTooLarge, match=r"Give --size [\d.]+mb") as refused:
        small(data, smallest_bytes - 50_000)
    enough = float(re.search(r"--size ([\d.]+)mb", str(refused.value))[1])
    assert len(small(data, round(enough * 1e6)).encode()) <= enough * 1e6


def test_the_same_store_gives_the_same_small_page(data: ReportData, whole_bytes: int):
    cap = whole_bytes - 200_000
    assert small(data, cap) == small(data, cap)


@needs_chromium
def test_a_page_of_some_runs_works_like_any_other(
    data: ReportData, whole_bytes: int, smallest_bytes: int, tmp_path: Path
):
    with open_browser() as browser:
        for share in (0.8, 0.6, 0.2):
            file = tmp_path / "page.html"
            cap = round(smallest_bytes + share * (whole_bytes - smallest_bytes))
            file.write_text(small(data, cap), encoding="utf-8")
            context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
            opened = visit(context, file, "#run=0123456789&prompt=0123456789&view=across")
            ready = opened.page.evaluate("performance.getEntriesByName('clipstore-ready').length")
            assert (opened.complaints, opened.violations(), ready) == ([], [], 1)
            context.close()
