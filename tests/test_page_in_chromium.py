"""The page in a real browser: it draws, stays silent, asks for nothing and obeys no one's text."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from clipstore.report.data import ReportData
from clipstore.report.gather import gather_report
from clipstore.report.page import render_page
from clipstore.report.tables import PROBLEM_COLUMNS
from tests.report_example import NOW, example_data, small_inputs

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")

PAYLOADS = (
    "<script>window.__xss=1</script>",
    "</script><script>window.__xss=1</script>",
    "</script x <script y",
    "<!-- <script ",
    "<img src=x onerror=window.__xss=1>",
    "<svg onload=window.__xss=1>",
    "\"><img src='URL/a' onerror=window.__xss=1>",
    "' autofocus onfocus=window.__xss=1 x='",
    "<!--<script>window.__xss=1</script>",
    '<a href="javascript:window.__xss=1">click</a>',
    '<a href="URL/b">click</a>',
    '<b style="background:url(URL/c)">bold</b>',
    "<link rel=stylesheet href=URL/d>",
    "<iframe srcdoc='<script>parent.__xss=1</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=URL/e'>",
    "{{ 7*7 }}{% raw %}",
    "</title></style></textarea><script>window.__xss=1</script>",
    "%{customdata[0]}<extra><img src=URL/f></extra>",
    "\u2028\u2029</bdi></td></table><base href=URL/g>",
    "&lt;script&gt;window.__xss=1&lt;/script&gt;",
)
"""URL stands for a server that counts what it is asked."""

WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (e) => {
  window.__violations.push(e.violatedDirective + " " + e.blockedURI);
});
"""


@dataclass
class Visit:
    """A page that is open, and all that it complained about."""

    page: playwright.Page
    complaints: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        return self.page.evaluate("window.__violations")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return example_data(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def example_file(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render_page(data), encoding="utf-8")
    return file


def visit(context: playwright.BrowserContext, file: Path) -> Visit:
    """Open the file and scroll through all of it."""
    page = context.new_page()
    opened = Visit(page)
    page.on("console", lambda message: opened.complaints.append(message.text))
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    context.on("page", lambda popup: opened.complaints.append(f"opened {popup.url}"))
    page.add_init_script(WATCH)
    page.goto(file.as_uri())
    scroll_through(page)
    return opened


def wait_for_chart(page: playwright.Page) -> None:
    """Not `wait_for_function`: the page's policy forbids the eval it polls with."""
    page.locator("#chart-1 path.js-line").first.wait_for(state="attached")


def scroll_through(page: playwright.Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.evaluate(
        """async () => {
          for (let y = 0; y < document.documentElement.scrollHeight; y += 800) {
            window.scrollTo(0, y);
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          }
        }"""
    )


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


def test_no_button_offers_to_send_the_chart_away(example: Visit):
    titles = example.page.locator("#chart-1 .modebar-btn").evaluate_all(
        "(buttons) => buttons.map((b) => b.getAttribute('data-title') || b.ariaLabel)"
    )
    assert any("PNG" in title or "png" in title for title in titles)
    assert not [t for t in titles if re.search("share|cloud|plotly", t, re.IGNORECASE)]


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


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()


def hostile_page(url: str) -> str:
    """Every payload in every place that comes from outside: one run for each."""
    verdicts, tables = [], []
    texts = [payload.replace("URL", url) for payload in PAYLOADS]
    for text in texts:
        (verdict,), frames = small_inputs(
            run=text, model=texts[0], prompts=(f"{text} a", f"{text} b"), n_validations=2
        )
        verdicts.append(
            replace(verdict, reasons=(text, text), what_it_would_take=text, notes=(text,))
        )
        tables.append(
            replace(
                frames,
                prompt_step=frames.prompt_step.with_columns(prompt_id=pl.lit(text)),
                pictures=frames.pictures.with_columns(
                    prompt_id=pl.lit(text), path=pl.lit(f"/data/runs/run-a/{text}.png")
                ),
            )
        )
    problems = [(f"/data/runs/run-a/{t}.png", t, t, t, False) for t in texts]
    joined = replace(
        tables[0],
        run_step=pl.concat([t.run_step for t in tables]),
        prompt_step=pl.concat([t.prompt_step for t in tables]),
        pictures=pl.concat([t.pictures for t in tables]),
        problems=pl.DataFrame(problems, schema=PROBLEM_COLUMNS, orient="row"),
        runs=pl.concat([t.runs for t in tables]),
    )
    return render_page(gather_report(verdicts, joined, generated_at=NOW, version="0.1.0"))


@pytest.mark.parametrize("has_policy", [True, False], ids=["with policy", "policy stripped"])
def test_no_text_from_outside_acts_or_asks_for_anything(
    browser: playwright.Browser, canary: tuple[str, list[str]], tmp_path: Path, has_policy: bool
):
    url, asked = canary
    text = hostile_page(url)
    if not has_policy:
        text, n_removed = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        assert n_removed == 1
    file = tmp_path / "hostile.html"
    file.write_text(text, encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = visit(context, file)
    page = opened.page
    wait_for_chart(page)
    for point in page.locator("#chart-1 .points path").all()[:4]:
        point.hover(force=True)
    assert page.evaluate("window.__xss") is None
    assert asked == []
    assert opened.complaints == []
    assert page.url == file.as_uri()
    assert opened.violations() == []
    shown = page.locator("main").text_content()
    for payload in PAYLOADS[:17]:
        assert payload.replace("URL", url) in shown
    assert page.locator("#chart-1 svg a").count() == 0
    context.close()


def test_the_canary_would_have_been_heard(
    browser: playwright.Browser, canary: tuple[str, list[str]], tmp_path: Path
):
    """The tests above prove something only if a request from a file does arrive."""
    url, asked = canary
    file = tmp_path / "open.html"
    file.write_text(f"<img src='{url}/a' onerror=window.__xss=1>", encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_function("window.__xss === 1")
    assert asked == ["/a"]
    context.close()
