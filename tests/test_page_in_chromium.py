"""The page in a real browser: it draws, stays silent, filters, prints and fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipstore.report.data import ReportData
from clipstore.report.page import render_page
from tests.in_chromium import Visit, needs_chromium, open_browser, playwright, visit, wait_for_chart
from tests.report_example import example_data

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return example_data(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def example_file(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render_page(data), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def example(browser: playwright.Browser, example_file: Path) -> Iterator[Visit]:
    """The example page, opened without a network."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    yield visit(context, example_file)
    context.close()


def test_the_chart_holds_the_same_means_as_the_data(example: Visit, data: ReportData):
    wait_for_chart(example.page)
    drawn = example.page.evaluate(
        """document.getElementById('chart-1').data
             .filter((t) => t.meta === 'run')
             .map((t) => [t.name, Array.from(t.x), Array.from(t.y)])"""
    )
    assert drawn == [
        [v.run, [s.step for s in v.steps], [s.mean for s in v.steps]] for v in data.verdicts
    ]
    assert example.page.locator("#chart-1 path.js-line").count() == 2 * len(data.verdicts)


def test_a_visit_without_network_raises_no_complaint(example: Visit):
    assert example.complaints == []
    assert example.violations() == []


def test_the_chart_saves_as_png_under_the_policy(example: Visit):
    url = example.page.evaluate("Plotly.toImage('chart-1', {format: 'png'})")
    assert url.startswith("data:image/png;base64,")
    assert example.violations() == []


def test_a_name_in_the_legend_hides_its_run(example: Visit):
    button = example.page.locator(".legend button").first
    button.click()
    hidden = example.page.evaluate(
        "document.getElementById('chart-1').data.filter((t) => t.visible === false).length"
    )
    assert (hidden, button.get_attribute("aria-pressed")) == (2, "false")
    button.click()


def test_chips_and_search_narrow_the_table(example: Visit):
    page = example.page
    rows = page.locator("#table-1 tbody tr:visible")
    page.locator(".chip", has_text="Abandon").click()
    assert rows.count() == 3
    page.locator(".search input").fill("rank")
    assert rows.count() == 1
    assert page.locator(".found").inner_text() == "1 of 8 runs"
    page.locator(".search input").fill("")
    page.locator(".chip", has_text="All").click()
    assert rows.count() == 8


def test_the_theme_button_goes_round_and_takes_the_chart_along(example: Visit):
    page, button = example.page, example.page.locator("#theme-button")
    seen = []
    for _ in range(3):
        button.click()
        ink = page.evaluate("document.getElementById('chart-1').layout.font.color")
        seen.append((button.inner_text(), ink))
    assert [name for name, _ in seen] == ["Theme: light", "Theme: dark", "Theme: system"]
    assert seen[0][1] == seen[2][1] != seen[1][1]
    assert example.complaints == []


def test_grid_lines_are_as_faint_in_the_dark(example: Visit):
    page, button = example.page, example.page.locator("#theme-button")
    page.locator("#forest-1").scroll_into_view_if_needed()
    page.wait_for_selector("#forest-1 .xgrid", state="attached")
    strokes = []
    for _ in range(2):
        button.click()
        line = page.locator("#forest-1 .xgrid").first
        strokes.append(line.evaluate("(e) => getComputedStyle(e).stroke"))
    button.click()
    light, dark = (sum(map(int, re.findall(r"[0-9]+", stroke)[:3])) / 3 for stroke in strokes)
    assert light > 200
    assert dark < 90


def test_printing_opens_what_is_folded_and_folds_it_again(example: Visit):
    page = example.page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = false; })")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open]):not(.data-table)").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    assert example.complaints == []


@pytest.mark.parametrize("width_px", [360, 768, 1060, 1280])
def test_the_page_never_scrolls_sideways(
    browser: playwright.Browser, example_file: Path, width_px: int
):
    context = browser.new_context(offline=True, viewport={"width": width_px, "height": 800})
    page = visit(context, example_file).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    context.close()


def test_without_scripts_the_verdicts_prompts_and_data_quality_are_there(
    browser: playwright.Browser, example_file: Path
):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(example_file.as_uri())
    assert page.locator("#table-1 tbody tr:visible").count() == 8
    assert page.locator("#table-1 .spark:visible").count() == 8
    assert page.locator(".card img:visible").count() > 0
    assert page.locator("#data-quality").is_visible()
    assert page.get_by_text("The large chart needs JavaScript").is_visible()
    assert page.locator(".needs-js:visible").count() == 0
    context.close()
