"""The prompt cards in a real browser: filmstrips, step slider, compare viewer, address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from clipstore.report.configtable import ConfigTable
from clipstore.report.data import ReportData
from clipstore.report.gather import gather_report
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PanelsBeside, PictureWishes
from clipstore.report.shortids import name_to_short_id
from clipstore.report.thumbnails import FRAME_PX
from tests.in_chromium import Visit, needs_chromium, open_browser, playwright, visit
from tests.picture_example import PANEL_PX, PROMPTS, STEPS, picture_data, picture_inputs, renamed
from tests.report_example import NOW
from tests.test_page_hostile import PAYLOADS

pytestmark = needs_chromium

LONG, SHORT = name_to_short_id("long"), name_to_short_id("short")
VASE, BOWL = name_to_short_id(PROMPTS[5]), name_to_short_id(PROMPTS[0])


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    made = picture_data(tmp_path_factory.mktemp("runs"))
    settings = ConfigTable(("learning_rate",), (("0.0001",), (None,)), 1)
    return replace(made, config=settings)


@pytest.fixture(scope="module")
def file(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render_page(data), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def context(browser: playwright.Browser) -> Iterator[playwright.BrowserContext]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def opened(context: playwright.BrowserContext, file: Path) -> Iterator[Visit]:
    """Each test begins with the page as it opens, and must not have made it complain."""
    here = visit(context, file, scroll=False)
    here.page.locator(".cards-app").scroll_into_view_if_needed()
    here.page.locator(".cards-app .card").first.wait_for()
    yield here
    assert here.complaints == []
    assert here.violations() == []
    here.page.close()


def go_to(page: playwright.Page, state: str) -> None:
    page.evaluate("(state) => { location.hash = state; }", state)


def titles(page: playwright.Page, selector: str) -> list[str]:
    return page.locator(f"{selector} .frame-title").all_inner_texts()


def pixel(page: playwright.Page, selector: str) -> list[int]:
    """The colour in the middle of a picture, as the browser decoded it."""
    page.locator(selector).first.scroll_into_view_if_needed()  # lazy ones load only there
    return page.locator(selector).first.evaluate(
        """async (img) => {
          await img.decode();
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 1;
          const drawn = canvas.getContext("2d");
          drawn.drawImage(img, img.naturalWidth / 2, img.naturalHeight / 2, 1, 1, 0, 0, 1, 1);
          return [...drawn.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )


def test_the_tabs_are_worked_by_arrow_keys_and_stay_in_the_address(opened: Visit):
    page = opened.page
    tabs = page.locator(".cards-tabs [role=tab]")
    assert tabs.all_inner_texts() == [
        "Worst", "Best", "Most improved", "Most regressed", "Most volatile", "Random",
        "Runs differ most",
    ]  # fmt: skip
    assert "The 3 lowest scores" in page.locator(".cards-how").inner_text()
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    assert "The 3 highest scores" in page.locator(".cards-how").inner_text()
    assert page.locator(".card .prompt").first.inner_text() == PROMPTS[5]
    assert page.evaluate("document.activeElement.textContent") == "Best"
    assert f"cards={page.locator('.cards-run').input_value()}.best" in page.url
    page.go_back()
    playwright.expect(page.locator(".cards-how")).to_contain_text("The 3 lowest scores")


def test_a_filmstrip_has_the_base_first_and_the_change_against_it_below(opened: Visit):
    go_to(opened.page, f"cards={LONG}.best")
    card = ".card >> nth=0"
    assert titles(opened.page, f"{card} >> .strip") == [
        "Base model", *(f"Step {step}" for step in STEPS["long"])
    ]  # fmt: skip
    captions = opened.page.locator(f"{card} >> .strip figcaption").all_inner_texts()
    assert captions[0].split() == ["Base", "model", "0.250"]
    assert captions[-1].split() == ["Step", "500", "0.300", "+0.050"]


def test_the_slider_moves_every_picture_and_says_where_a_run_has_no_such_step(opened: Visit):
    page = opened.page
    go_to(page, f"cards={LONG}.best")
    assert titles(page, ".current") == ["Step 500"] * 3
    before = pixel(page, ".current img")
    page.locator(".cards-app .step-slider").focus()
    page.keyboard.press("ArrowLeft")
    assert titles(page, ".current") == ["Step 400"] * 3
    assert "at=400" in page.url
    assert before[0] - pixel(page, ".current img")[0] in range(20, 31)
    go_to(page, f"cards={SHORT}.best&at=400")
    assert titles(page, ".current") == ["Step 300, nearest to 400"] * 3
    assert page.locator(".is-current .frame-title").all_inner_texts() == ["Step 300"] * 3


def test_runs_differ_shows_a_prompt_in_every_run_with_the_settings_in_the_heads(opened: Visit):
    page = opened.page
    page.locator("[role=tab]", has_text="Runs differ most").click()
    heads = page.locator(".across >> nth=0 >> .across-head").all_inner_texts()
    assert heads[0] == "Base model"
    assert {head.split()[0] for head in heads[1:]} == {"long", "short"}
    settings = page.locator(".across >> nth=0 >> .across-settings").all_inner_texts()
    assert sorted(text.split() for text in settings) == [
        ["learning_rate", "0.0001"], ["learning_rate", "not", "set"]
    ]  # fmt: skip
    page.locator(".cards-tabs [role=tab]").first.click()
    page.locator(".card-across").first.click()
    assert page.locator("#across").is_visible()
    page.keyboard.press("Escape")
    playwright.expect(page.locator("#across")).to_be_hidden()


def test_the_viewer_is_worked_by_keys_alone(opened: Visit):
    page = opened.page
    go_to(page, f"cards={LONG}.best")
    frame = page.locator(".card >> nth=0 >> .strip .frame-open >> nth=3")
    frame.focus()
    page.keyboard.press("Enter")
    viewer, stage = page.locator("#viewer"), page.locator(".viewer-stage")
    assert viewer.is_visible()

    def shown() -> list[str]:
        return [
            select.evaluate("(s) => s.selectedOptions[0].textContent")
            for select in page.locator(".viewer-step").all()
        ]

    assert shown() == ["Base model", "Step 300"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert shown() == ["Step 100", "Step 400"]
    red, green, blue = pixel(page, ".layer-b img")
    assert (abs(red - 140) < 8, abs(green - 190) < 8, abs(blue - 200) < 8) == (True, True, True)
    for key, mode in zip("4321", ("beside", "difference", "blend", "slider"), strict=True):
        page.keyboard.press(key)
        assert stage.get_attribute("data-mode") == mode
    page.keyboard.press("f")
    assert page.locator(".layer-b").evaluate("(l) => getComputedStyle(l).visibility") == "hidden"
    page.keyboard.press("f")
    assert page.locator(".layer-a").evaluate("(l) => getComputedStyle(l).visibility") == "hidden"
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")
    assert page.locator("#viewer-title").inner_text() == PROMPTS[4]
    assert shown() == ["Step 100", "Step 400"]
    page.keyboard.press("+")
    transforms = page.locator(".layer img").evaluate_all(
        "(images) => images.map((img) => getComputedStyle(img).transform)"
    )
    assert transforms[0] == transforms[1] != "none"
    page.locator(".viewer-share input").focus()
    page.keyboard.press("Home")
    assert stage.evaluate("(s) => s.style.getPropertyValue('--share')") == "0"
    assert shown() == ["Step 100", "Step 400"]
    page.keyboard.press("Escape")
    playwright.expect(viewer).to_be_hidden()
    playwright.expect(page).not_to_have_url(re.compile("view="))  # the dialog tells it afterwards
    assert frame.evaluate("(button) => button === document.activeElement")


def test_the_viewer_says_what_size_it_shows_and_the_lightbox_shows_it_one_to_one(opened: Visit):
    page = opened.page
    go_to(page, f"view=compare&prompt={VASE}&pair={LONG}.300~{LONG}.500")
    notes = page.locator(".viewer-note span").all_inner_texts()
    assert (
        "Shown at 192 × 192 pixels; the scored panel has 256 × 256 and is not embedded" in notes[0]
    )
    assert "Shown whole, 256 × 256 pixels." in notes[1]
    page.locator(".viewer-whole").first.click()
    box = page.locator(".lightbox-stage img").bounding_box()
    assert (box["width"], box["height"]) == (192, 192)
    page.keyboard.press("Escape")
    assert page.locator("#viewer").is_visible()


def test_a_link_opens_the_viewer_and_back_closes_it(opened: Visit):
    page = opened.page
    go_to(page, f"view=compare&prompt={BOWL}&pair={LONG}.base~{SHORT}.200&mode=blend")
    assert page.locator("#viewer").is_visible()
    assert page.locator(".viewer-stage").get_attribute("data-mode") == "blend"
    runs = page.locator(".viewer-run").evaluate_all(
        "(all) => all.map((s) => s.selectedOptions[0].textContent)"
    )
    assert runs == ["long", "short"]
    page.go_back()
    playwright.expect(page.locator("#viewer")).to_be_hidden()


def test_a_picked_prompt_comes_into_view_with_its_card_focused(opened: Visit):
    page = opened.page
    page.evaluate("window.scrollTo(0, 0)")
    go_to(page, f"run={LONG}&prompt={VASE}&step=200")
    assert page.locator(".cards-run").input_value() == LONG
    focused = page.evaluate("document.activeElement.querySelector('.prompt')?.textContent")
    assert focused == PROMPTS[5]
    assert titles(page, ".card:focus .current") == ["Step 200"]


def test_rubbish_in_the_address_opens_nothing(opened: Visit):
    page = opened.page
    for state in (
        "cards=zz.worst&at=-1",
        "cards=0000000000.nothing",
        "prompt=0000000000",
        "view=compare",
        f"view=compare&prompt={VASE}&pair=0000000000.5~{LONG}.base",
        f"view=compare&model=99&prompt={VASE}&pair={LONG}.5~{LONG}.base",
        "view=across&prompt=0000000000",
        "at=999999999999",
    ):
        go_to(page, state)
        page.wait_for_timeout(30)
        assert page.locator("dialog:visible").count() == 0
        assert page.locator(".cards-app .card").count() == 3


def test_without_scripts_the_worst_and_best_have_their_whole_filmstrips(
    browser: playwright.Browser, file: Path
):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator(".card:visible").count() == 6
    n_frames = 1 + len(STEPS[page.locator(".run-prompts .run-name").first.inner_text()])
    assert page.locator(".card >> nth=0 >> .frame img:visible").count() == n_frames
    assert page.locator(".cards-app:visible").count() == 0
    context.close()


def test_whole_panels_beside_the_page_are_shown_and_missed_without_harm(
    context: playwright.BrowserContext, tmp_path: Path
):
    panels = tmp_path / "panels"
    panels.mkdir()

    def put(name: str, content: bytes) -> None:
        (panels / name).write_bytes(content)

    wishes = PictureWishes(
        panels=PanelsBeside("./panels", put),
        link_files_from=tmp_path,
    )
    file = tmp_path / "report.html"
    file.write_text(render_page(picture_data(tmp_path / "runs", wishes=wishes)), encoding="utf-8")
    page = context.new_page()
    page.goto(f"{file.as_uri()}#view=compare&prompt={VASE}&pair={LONG}.300~{LONG}.500")
    image = page.locator(".layer-a img")
    playwright.expect(image).to_have_js_property("naturalWidth", PANEL_PX)
    assert "from the file beside this page" in page.locator(".viewer-note span").first.inner_text()
    link = page.locator(".viewer-note a").first.get_attribute("href")
    assert (tmp_path / link).is_file()
    for panel in panels.iterdir():
        panel.unlink()
    page.reload()
    playwright.expect(image).to_have_js_property("naturalWidth", FRAME_PX)
    page.close()


@pytest.mark.parametrize("has_policy", [True, False], ids=["with policy", "policy stripped"])
def test_no_name_or_prompt_acts_on_cards_or_in_dialogs(
    browser: playwright.Browser, tmp_path: Path, has_policy: bool
):
    payloads = [text.replace("URL", "http://127.0.0.1:9") for text in PAYLOADS]
    names = {"long": payloads[4], "short": payloads[5]}
    verdicts, tables = renamed(picture_inputs(tmp_path, prompts=payloads), names)
    ids = pl.col("prompt_id").replace({f"p{i}": text for i, text in enumerate(payloads)})
    hostile = replace(
        tables,
        prompt_step=tables.prompt_step.with_columns(ids),
        pictures=tables.pictures.with_columns(ids),
    )
    data = gather_report(verdicts, hostile, generated_at=NOW, version="0.1.0")
    data = replace(data, config=ConfigTable((payloads[4],), ((payloads[5],), (payloads[6],)), 1))
    text = render_page(data)
    if not has_policy:
        text = text.replace('http-equiv="Content-Security-Policy"', 'name="stripped"')
    (tmp_path / "hostile.html").write_text(text, encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    here = visit(context, tmp_path / "hostile.html")
    page = here.page
    for tab in page.locator(".cards-tabs [role=tab]").all():
        tab.click()
    assert page.locator(".across-settings").first.inner_text().split("\n")[0] == payloads[4]
    page.locator(".across .frame-open").first.click()
    page.locator(".viewer-whole").first.click()
    assert page.locator("#lightbox h2").inner_text()
    assert page.evaluate("window.__xss") is None
    assert here.complaints == []
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    context.close()
