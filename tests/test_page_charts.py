"""The charts hold the data's numbers, follow the choices, and change nothing on their way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from clipstore.comparisons import BASE
from clipstore.report.data import ReportData
from clipstore.report.page import render_page
from clipstore.report.scorecube import MISSING
from tests.in_chromium import Visit, needs_chromium, open_browser, playwright, visit, wait_for_chart
from tests.report_example import example_data

pytestmark = needs_chromium
FINE = 5e-5
LEFT_OUT = "prompt by prompt: those of the first 7 of 8 runs of the table."


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    """The example with a gap in its first run, one prompt has no score at the first validation, and
    without the prompts of its last run, as where the cells are too many."""
    whole = example_data(tmp_path_factory.mktemp("runs"), with_pictures=False)
    section = whole.sections[0]
    first, *others, _ = section.cube.runs
    cells = first.cells.copy()
    cells[1, 0] = MISSING
    cube = replace(section.cube, runs=(replace(first, cells=cells), *others))
    return replace(whole, sections=(replace(section, cube=cube),))


@pytest.fixture(scope="module")
def example(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render_page(data), encoding="utf-8")
    with open_browser() as browser:
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
        yield visit(context, file)


@pytest.fixture(autouse=True)
def at_rest(example: Visit) -> Iterator[None]:
    """Each test leaves no state in the address and no complaint."""
    yield
    example.page.evaluate(
        "Object.keys(clipstoreHash.read()).forEach("
        "(key) => clipstoreHash.set({[key]: null}, {replace: true}))"
    )
    assert example.complaints == []
    assert example.violations() == []


def heat(page: playwright.Page) -> list[list[float | None]]:
    wait_for_chart(page, "#heat-1")
    return page.evaluate("document.getElementById('heat-1').data[0].z")


def test_the_spread_shows_the_quantiles_of_the_picked_run(example: Visit, data: ReportData):
    page, section = example.page, example.page.locator("#spread-1")
    wait_for_chart(page, "#spread-plot-1")
    row = data.sections[0].rows[3]
    section.locator(".run-select").select_option(label=row.verdict.run)
    median = page.evaluate(
        "document.getElementById('spread-plot-1').data.find((t) => t.name === 'p50').y"
    )
    assert median == pytest.approx([s.quantiles[3] for s in row.spreads], abs=FINE)
    cells = section.locator("table tbody tr").first.locator("th, td").all_inner_texts()
    first = row.spreads[0]
    assert cells[:2] == [f"{first.step:,}", f"{first.n_prompts:,}"]
    assert cells[2:9] == [f"{value:.4f}" for value in first.quantiles]


def test_the_heatmap_shows_each_change_since_the_first_validation(example: Visit, data: ReportData):
    page = example.page
    page.locator(".heat-order").select_option("id")
    section = data.sections[0]
    run = section.cube.runs[0]
    stored = np.where(run.cells == MISSING, np.nan, (run.cells.astype(float) - 10_000) / 10_000)
    raw = stored[1:].T
    from_first = raw - np.array([row[np.isfinite(row)][0] for row in raw])[:, None]
    shown = np.array([[np.nan if v is None else v for v in row] for row in heat(page)])
    np.testing.assert_allclose(shown, from_first, atol=1e-9)


def test_the_packed_scores_are_the_verdicts_means_within_half_a_unit(data: ReportData):
    for run, row in zip(data.sections[0].cube.runs, data.sections[0].rows[:7], strict=True):
        cells = np.where(run.cells == MISSING, np.nan, (run.cells.astype(float) - 10_000) / 10_000)
        means = np.nanmean(cells[1:], axis=1)
        for mean, step in list(zip(means, row.verdict.steps, strict=True))[1:]:
            assert mean == pytest.approx(step.mean, abs=FINE)


def test_a_missing_score_is_a_hole_in_the_heatmap_and_never_zero(example: Visit):
    page = example.page
    page.locator(".heat-order").select_option("id")
    page.locator(".heat-values").select_option("raw")
    shown = heat(page)
    assert shown[0][0] is None
    assert sum(value is None for row in shown for value in row) == 1
    assert min(value for row in shown for value in row if value is not None) > 0.05
    page.locator(".heat-values").select_option("first")


def test_a_run_that_was_left_out_says_so_and_the_next_one_is_drawn_again(
    example: Visit, data: ReportData
):
    page = example.page
    wait_for_chart(page, "#heat-1")
    assert LEFT_OUT in page.locator("#heatmap-summary-1").inner_text()
    select = page.locator("#heatmap-1 .run-select")
    select.select_option(label=data.sections[0].rows[7].verdict.run)
    assert "not on the page" in page.locator(".heat-told").inner_text()
    page.locator("#theme-button").click()
    select.select_option(label=data.sections[0].rows[0].verdict.run)
    assert len(heat(page)) == 48


def test_the_search_narrows_the_heatmap_and_its_table(example: Visit):
    page = example.page
    page.locator(".heat-search").fill("lighthouse")
    assert len(heat(page)) == 6
    assert "6 of 48 prompts" in page.locator(".heat-told").inner_text()
    assert page.locator("#heatmap-1 tbody tr").count() == 6
    page.locator(".heat-search").fill("")


def test_a_prompt_of_the_heatmap_opens_by_the_address(example: Visit, data: ReportData):
    page = example.page
    page.locator(".heat-order").select_option("id")
    page.locator("#heatmap-1 tbody tr").nth(2).locator("button").click()
    state = page.evaluate("clipstoreHash.read()")
    section = data.sections[0]
    assert state["prompt"] == section.cube.prompts[2].id
    assert (state["run"], state["step"]) == (section.rows[0].id, "10000")
    page.locator(".cards-app .card", has_text=section.cube.prompts[2].text).first.wait_for()


def test_pointing_at_a_cell_tells_its_prompt_as_text(example: Visit, data: ReportData):
    page = example.page
    page.locator(".heat-order").select_option("id")
    wait_for_chart(page, "#heat-1")
    area = page.locator("#heat-1 .nsewdrag")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    columns, rows = 20, len(data.sections[0].cube.prompts)
    area.hover(position={"x": 1.5 * box["width"] / columns, "y": 5.5 * box["height"] / rows})
    prompt = data.sections[0].cube.prompts[5]
    page.locator(".heat-told", has_text=prompt.text).wait_for()
    assert "Step 1,000" in page.locator(".heat-told").inner_text()


def test_the_forest_shows_the_comparison_with_the_base_model(example: Visit, data: ReportData):
    page = example.page
    wait_for_chart(page, "#forest-1")
    drawn = page.evaluate("Array.from(document.getElementById('forest-1').data[0].x)")
    pairs = data.sections[0].against_base.pairs
    assert sorted(drawn) == pytest.approx(sorted(p.difference for p in pairs), abs=FINE)


def test_another_reference_turns_the_forest_and_its_table(example: Visit, data: ReportData):
    page = example.page
    wait_for_chart(page, "#forest-1")
    reference = data.sections[0].rows[0].verdict.run
    page.locator(".forest-reference").select_option(label=reference)
    pairs = [p for p in data.sections[0].comparison.pairs if reference in (p.run_a, p.run_b)]
    wanted = {
        (p.run_b if p.run_a == reference else p.run_a): (
            -p.difference if p.run_a == reference else p.difference
        )
        for p in pairs
    }
    rows = page.locator("#forest-table-1 tbody tr")
    shown = {
        row.locator("th").inner_text(): float(
            row.locator("td").nth(1).inner_text().replace("−", "-")
        )
        for row in rows.all()
    }
    assert shown == pytest.approx(wanted, abs=FINE + 1e-9)
    assert reference in page.locator("#forest-caption-1").inner_text()
    page.locator(".forest-reference").select_option(label=BASE)


def test_runs_of_the_band_stand_first_and_by_name_in_the_forest(example: Visit):
    page = example.page
    wait_for_chart(page, "#forest-1")
    names = page.evaluate("document.getElementById('forest-1').layout.yaxis.ticktext")
    assert names[:3] == ["sdxl-lora/lr-1e-4", "sdxl-lora/lr-1e-4-ema", "sdxl-lora/lr-5e-5"]


def test_the_x_axis_goes_by_time_and_back(example: Visit):
    page = example.page
    wait_for_chart(page)
    first = "document.getElementById('chart-1').data.find((t) => t.meta === 'run').x"
    page.get_by_label("time", exact=True).check()
    hours = page.evaluate(first)
    assert hours[:3] == pytest.approx([0, 0.2, 0.4])
    assert page.evaluate("clipstoreHash.read().axis") == "time"
    page.go_back()
    assert page.evaluate(first)[:3] == [500, 1000, 1500]
    assert page.get_by_label("step", exact=True).is_checked()


def test_a_picked_run_stands_out_and_fills_the_other_charts(example: Visit, data: ReportData):
    page = example.page
    wait_for_chart(page)
    row = data.sections[0].rows[4]
    page.locator(f".multiples li[data-id='{row.id}'] a").click()
    widths = page.evaluate(
        "document.getElementById('chart-1').data.filter((t) => t.meta === 'run')"
        ".map((t) => [t.uid, t.line.width])"
    )
    assert [uid for uid, width in widths if width > 3] == [row.id]
    chosen = page.locator("#heatmap-1 .run-select option:checked").inner_text()
    assert chosen == row.verdict.run


def test_the_table_sorts_and_leaves_the_band_unranked(example: Visit, data: ReportData):
    page = example.page
    names = page.locator("#table-1 tbody .run-name")
    before = names.all_inner_texts()
    button = page.locator("#table-1 th[data-sort='level'] button")
    button.click()
    after = names.all_inner_texts()
    levels = {v.run: min(v.plateau.level, 0.30) for v in data.verdicts}
    assert [levels[n] for n in after] == sorted((levels[n] for n in after), reverse=True)
    in_band = [v.run for v in data.verdicts if v.plateau.level >= 0.30]
    assert [n for n in after if n in in_band] == in_band
    head = page.locator("#table-1 th[data-sort='level']")
    assert head.get_attribute("aria-sort") == "descending"
    button.click()
    button.click()
    assert names.all_inner_texts() == before
    assert head.get_attribute("aria-sort") is None


def test_the_sql_of_a_table_can_be_copied(example: Visit):
    page = example.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    box = page.locator("#curves-1 .sql-text").first
    box.locator("button").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == box.locator("code").inner_text()
    assert copied.startswith("-- clip/mean of every validation")
