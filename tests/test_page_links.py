"""The page's address: deep links open what they name, Back works, rubbish does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clipstore.report.data import ReportData
from clipstore.report.page import render_page
from tests.in_chromium import needs_chromium, open_browser, playwright, visit, wait_for_chart
from tests.report_example import example_data

pytestmark = needs_chromium

RUBBISH = (
    "#run=<script>alert(1)</script>",
    "#run=../../etc&step=-1&theme=pink&axis=&verdict=__proto__&sort=constructor",
    "#__proto__=x&constructor=y&toString=z",
    "#=&&&==&run",
    "#%00%ff%",
    "#run=0123456789",
    "#nowhere",
    "#" + "run=" * 5_000,
    "#prompt=0123456789&step=99999999&view=nosuchview",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return example_data(tmp_path_factory.mktemp("runs"), with_pictures=False)


@pytest.fixture(scope="module")
def file(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_page(data), encoding="utf-8")
    return path


def test_a_link_opens_the_page_as_it_was_left(
    browser: playwright.Browser, file: Path, data: ReportData
):
    row = data.sections[0].rows[2]
    context = browser.new_context(offline=True)
    opened = visit(context, file, f"#run={row.id}&axis=time&verdict=stop&sort=run&theme=dark")
    page = opened.page
    wait_for_chart(page)
    assert page.locator("#spread-1 .run-select option:checked").inner_text() == row.verdict.run
    assert page.get_by_label("time", exact=True).is_checked()
    assert page.locator("#table-1 tbody tr:visible").count() == 3
    assert page.locator("#table-1 th[data-sort='run']").get_attribute("aria-sort") == "ascending"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert opened.complaints == []
    context.close()


def test_back_and_forward_walk_through_the_choices(browser: playwright.Browser, file: Path):
    context = browser.new_context(offline=True)
    page = visit(context, file, scroll=False).page
    rows = page.locator("#table-1 tbody tr:visible")
    page.locator(".chip", has_text="Abandon").click()
    page.locator(".chip", has_text="In band").click()
    page.go_back()
    assert rows.count() == 3
    assert page.locator(".chip", has_text="Abandon").get_attribute("aria-pressed") == "true"
    page.go_back()
    assert rows.count() == 8
    page.go_forward()
    assert rows.count() == 3
    context.close()


def test_an_anchor_of_the_page_changes_no_choice(browser: playwright.Browser, file: Path):
    context = browser.new_context(offline=True)
    page = visit(context, file, "#verdict=stop", scroll=False).page
    page.locator(".page-nav a", has_text="Method").click()
    assert page.url.endswith("#method")
    assert page.locator("#table-1 tbody tr:visible").count() == 3
    context.close()


@pytest.mark.parametrize("fragment", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_in_the_address_is_ignored(browser: playwright.Browser, file: Path, fragment: str):
    context = browser.new_context(offline=True)
    opened = visit(context, file, fragment, scroll=False)
    page = opened.page
    assert page.locator("#table-1 tbody tr:visible").count() == 8
    assert page.evaluate("document.documentElement.dataset.theme") is None
    assert page.evaluate("({}).polluted === undefined && typeof Object.prototype.x") == "undefined"
    assert opened.complaints == []
    context.close()


def test_the_address_holds_no_name(browser: playwright.Browser, file: Path, data: ReportData):
    context = browser.new_context(offline=True)
    page = visit(context, file, scroll=False).page
    page.locator(".multiples a").first.click()
    fragment = page.url.split("#")[1]
    assert fragment == f"run={data.sections[0].rows[0].id}"
    assert "sdxl" not in fragment
    context.close()
