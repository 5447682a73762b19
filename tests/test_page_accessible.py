"""For readers of all kinds: axe finds nothing, the keyboard reaches everything, paper shows it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.report.page import render_page
from tests.in_chromium import needs_chromium, open_browser, playwright, scroll_through, visit
from tests.picture_example import picture_data
from tests.report_example import example_data

pytestmark = needs_chromium
AXE = Path(__file__).parent / "data" / "axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
BADGES = ("stop", "band", "go", "wait")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    data = example_data(tmp_path_factory.mktemp("runs"))
    path.write_text(render_page(data), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def file_with_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "pictures.html"
    data = picture_data(tmp_path_factory.mktemp("runs"))
    path.write_text(render_page(data), encoding="utf-8")
    return path


def axe_findings(page: playwright.Page, within: str = "html") -> list[str]:
    """What axe calls a violation, with the first element of each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("(part) => axe.run(part).then((result) => result.violations)", within)
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found]


def test_axe_is_the_pinned_file():
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == AXE_SHA256


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_with_everything_unfolded(
    browser: playwright.Browser, file: Path, theme: str
):
    # The page's own policy would rightly keep axe out.
    context = browser.new_context(
        bypass_csp=True, color_scheme=theme, viewport={"width": 1280, "height": 900}
    )
    page = visit(context, file).page
    page.evaluate("window.scrollTo(0, 0)")
    assert axe_findings(page) == []
    context.close()


def test_axe_finds_nothing_on_a_narrow_page(browser: playwright.Browser, file: Path):
    context = browser.new_context(bypass_csp=True, viewport={"width": 360, "height": 800})
    page = visit(context, file).page
    assert axe_findings(page) == []
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_open_dialogs(
    browser: playwright.Browser, file_with_pictures: Path, theme: str
):
    context = browser.new_context(
        bypass_csp=True, color_scheme=theme, viewport={"width": 1280, "height": 900}
    )
    page = visit(context, file_with_pictures, scroll=False).page
    page.locator(".cards-app").scroll_into_view_if_needed()
    page.locator(".card-compare:visible").first.click()
    page.locator("#viewer[open]").wait_for()
    assert axe_findings(page, "#viewer") == []
    page.locator("#viewer .viewer-whole:visible").first.click()
    page.locator("#lightbox[open]").wait_for()
    assert axe_findings(page, "#lightbox") == []
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.locator(".card-across:visible").first.click()
    page.locator("#across[open]").wait_for()
    assert axe_findings(page, "#across") == []
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    context.close()


def test_axe_would_have_found_a_field_without_a_name(browser: playwright.Browser, file: Path):
    context = browser.new_context(bypass_csp=True)
    page = visit(context, file, scroll=False).page
    page.evaluate("document.querySelector('.search').replaceWith(document.createElement('input'))")
    assert any(finding.startswith("label") for finding in axe_findings(page))
    context.close()


def test_the_keyboard_reaches_every_control_in_the_page_s_order(
    browser: playwright.Browser, file: Path
):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = visit(context, file).page
    page.evaluate("window.scrollTo(0, 0)")
    wanted = page.evaluate(
        """[...document.querySelectorAll('main button, main select, main input, main summary')]
             .filter((e) => e.checkVisibility() && !e.disabled && !e.closest('.plot')
                            && !(e.type === 'radio' && !e.checked) && e.tabIndex >= 0)
             .map((e, i) => { e.dataset.stop = i; return i; })"""
    )
    page.locator("#print-button").focus()
    reached = []
    for _ in range(3 * len(wanted) + 200):
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement.dataset.stop ?? null")
        if stop is not None and (not reached or reached[-1] != int(stop)):
            reached.append(int(stop))
        if reached and reached[-1] == wanted[-1]:
            break
    assert reached == wanted
    context.close()


def test_the_table_filters_and_sorts_by_keyboard_alone(browser: playwright.Browser, file: Path):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = visit(context, file, scroll=False).page
    page.locator(".chip", has_text="Abandon").focus()
    page.keyboard.press("Enter")
    assert page.locator("#table-1 tbody tr:visible").count() == 3
    page.locator("th[data-sort='level'] button").focus()
    page.keyboard.press("Space")
    assert page.locator("th[data-sort='level']").get_attribute("aria-sort") == "descending"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    context.close()


def test_controls_are_large_enough_for_a_finger(browser: playwright.Browser, file: Path):
    context = browser.new_context(viewport={"width": 360, "height": 800}, has_touch=True)
    page = visit(context, file).page
    small = page.evaluate(
        """[...document.querySelectorAll('button, select, summary, input:not([type=radio])')]
             .filter((e) => e.checkVisibility() && !e.closest('.plot'))
             .map((e) => [e.outerHTML.slice(0, 120), e.getBoundingClientRect()])
             .filter(([, box]) => box.height < 23.5 || box.width < 20)
             .map(([text]) => text)"""
    )
    assert small == []
    context.close()


def test_nothing_moves_for_those_who_asked_for_no_motion(browser: playwright.Browser, file: Path):
    context = browser.new_context(reduced_motion="reduce")
    page = visit(context, file, scroll=False).page
    moving = page.evaluate(
        """[...document.querySelectorAll('*')].filter((e) => {
             const style = getComputedStyle(e);
             return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;
           }).length"""
    )
    assert moving == 0
    context.close()


@pytest.mark.parametrize("kind", ["deuteranopia", "protanopia", "achromatopsia"])
def test_badges_differ_in_shape_and_word_where_colours_do_not(
    browser: playwright.Browser, file: Path, tmp_path: Path, kind: str
):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = visit(context, file, scroll=False).page
    control = context.new_cdp_session(page)
    control.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
    pictures, words = [], []
    for slug in BADGES:
        badge = page.locator(f".definitions .badge-{slug}").first
        words.append(badge.inner_text())
        shot = tmp_path / f"{slug}.png"
        badge.locator("svg").screenshot(path=shot)
        pictures.append(np.asarray(Image.open(shot).convert("L").resize((14, 14)), float))
    assert len(set(words)) == len(BADGES)
    for i, one in enumerate(pictures):
        for other in pictures[i + 1 :]:
            assert np.abs(one - other).mean() > 12
    context.close()


def test_on_paper_every_part_is_there_and_no_control(
    browser: playwright.Browser, file: Path, tmp_path: Path
):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    opened = visit(context, file, scroll=False)
    page = opened.page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    scroll_through(page)
    assert page.locator(".page-nav:visible, .filters:visible, select:visible").count() == 0
    assert page.locator(".plot .main-svg").count() >= 4
    cut = """[...document.querySelectorAll(".scroll, .heat-scroll")]
        .filter((e) => getComputedStyle(e).maxHeight !== "none").length"""
    assert page.evaluate(cut) == 0  # what is higher than its box would lie over what follows
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    paper = tmp_path / "paper.pdf"
    page.pdf(path=paper, format="A4")
    assert paper.read_bytes().startswith(b"%PDF-")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert opened.complaints == []
    context.close()
