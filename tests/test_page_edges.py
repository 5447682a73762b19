"""Pages of nothing, of one prompt, of 200 runs, of too many bytes: complete all the same."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from clipstore.report.data import ReportData
from clipstore.report.page import render_page
from clipstore.report.pagesize import count_pictures
from clipstore.report.tables import ReportTables
from clipstore.report.thumbnails import thumbnail_bytes
from tests.in_chromium import needs_chromium, open_browser, visit
from tests.page_text import gather, json_block, table_rows
from tests.report_example import (
    MODEL,
    empty_tables,
    example_data,
    many_runs,
    models_frame,
    small_inputs,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return example_data(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return render_page(data)


def test_an_empty_store_gives_a_page_that_says_what_to_do():
    page = render_page(gather(((), empty_tables())))
    assert "<h1>0 runs</h1>" in page
    assert "clipstore ingest RUNS" in page


def test_one_run_with_one_prompt_at_one_step_renders():
    data = gather(small_inputs(prompts=("a fox",)))
    (run,) = data.sections[0].prompts
    assert (len(run.cards_of("worst")), run.cards_of("best")) == (1, ())
    assert "1 prompt" in render_page(data)


def test_a_run_of_nothing_but_nan_renders_dashes():
    verdicts, tables = small_inputs()
    nan = float("nan")
    step = replace(verdicts[0].steps[0], mean=nan, adjusted_mean=nan, low=nan, high=nan)
    plateau = replace(verdicts[0].plateau, level=nan, level_low=nan, level_high=nan)
    broken = replace(verdicts[0], steps=(step,), plateau=plateau)
    page = render_page(
        gather(
            (
                (broken,),
                replace(tables, prompt_step=tables.prompt_step.with_columns(cosine=pl.lit(nan))),
            )
        )
    )
    assert "No validation of these runs has a score yet." in page
    assert not re.search(r"\bnan\b|NaN", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))


def test_a_run_without_any_validation_renders():
    verdicts, _ = small_inputs()
    bare = replace(verdicts[0], steps=(), reasons=(), base=None, n_validations=0)
    assert "No reason was given." in render_page(gather(((bare,), empty_tables())))


def test_a_very_long_prompt_is_cut_and_its_length_said():
    page = render_page(gather(small_inputs(prompts=("fox " * 5_000,))))
    assert page.count("fox ") < 700
    assert "The first 1,000 of 20,000 characters." in page


def test_two_hundred_runs_render_with_eight_of_them_in_colour():
    page = render_page(gather(many_runs(200, 20)))
    assert len(table_rows(page)) == 200
    assert len(page) < 6_000_000
    figure = json_block(page, "chart-data-1")
    assert sum(trace["meta"] == "ribbon" for trace in figure["data"]) == 8
    assert "192 other runs" in page


def test_a_small_size_cap_leaves_the_last_pictures_out_and_says_how_many(data: ReportData):
    embedded = sum(thumbnail_bytes(picture.image) for picture in data.pictures.listed)
    cap = len(render_page(data).encode()) - embedded // 2
    page = render_page(replace(data, size_cap_bytes=cap))
    said = re.search(r"(\d+) of ([\d,]+) pictures are left out", page)
    assert len(page.encode()) <= cap
    counts = count_pictures(data.pictures)
    assert 0 < int(said[1]) < counts.n_embedded
    assert said[2] == f"{counts.n_all:,}"
    assert f"{int(said[1])} were left out for size" in page
    listed = json_block(page, "pictures-data")
    assert listed["else"] == "left out to keep the page small"
    assert len(listed["of"]) == counts.n_all - int(said[1])


def test_a_page_without_pictures_can_be_asked_for(tmp_path: Path):
    page = render_page(example_data(tmp_path, with_pictures=False))
    assert "<img " not in page
    assert "pictures were not asked for" in page


def two_models() -> tuple[tuple[object, ...], ReportTables]:
    verdicts, tables = small_inputs(n_validations=4)
    other, more = small_inputs(model="other/clip", n_validations=4)
    return verdicts + other, replace(
        tables,
        run_step=pl.concat([tables.run_step, more.run_step]),
        prompt_step=pl.concat([tables.prompt_step, more.prompt_step]),
        pictures=pl.concat([tables.pictures, more.pictures]),
        models=pl.concat([models_frame(MODEL), models_frame("other/clip", band=None)]),
    )


def nothing_but_nan() -> tuple[tuple[object, ...], ReportTables]:
    (verdict,), tables = small_inputs()
    nan = float("nan")
    step = replace(verdict.steps[0], mean=nan, adjusted_mean=nan, low=nan, high=nan)
    return (replace(verdict, steps=(step,)),), replace(
        tables, prompt_step=tables.prompt_step.with_columns(cosine=pl.lit(nan))
    )


@needs_chromium
def test_no_edge_makes_the_browser_complain(tmp_path: Path):
    cases = {
        "nothing": ((), empty_tables()),
        "one prompt": small_inputs(prompts=("a fox",)),
        "two models": two_models(),
        "nothing but NaN": nothing_but_nan(),
        "two hundred runs": many_runs(200, 3),
        "a long prompt": small_inputs(prompts=("fox " * 5_000,)),
    }
    with open_browser() as browser:
        for name, inputs in cases.items():
            file = tmp_path / "page.html"
            file.write_text(render_page(gather(inputs)), encoding="utf-8")
            context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
            opened = visit(context, file)
            opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
            opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
            ready = opened.page.evaluate("performance.getEntriesByName('clipstore-ready').length")
            assert (name, opened.complaints, opened.violations(), ready) == (name, [], [], 1)
            context.close()
