"""Text from outside in every place of the page: shown, never obeyed, in a real browser.

Each mutation check takes one guard away and must see the harm arrive: a test that stays green
without its guard proves nothing.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from clipstore.comparisons import (
    BASE,
    ComparedRun,
    Comparison,
    ComparisonSet,
    Group,
    Pair,
)
from clipstore.findings import Advice, BestCheckpoints
from clipstore.report import chartdata, figures
from clipstore.report import page as page_module
from clipstore.report.gather import PageExtras, gather_report
from clipstore.report.gathersection import RunComparisons
from clipstore.report.page import render_page
from clipstore.report.tables import CONFIG_COLUMNS, PROBLEM_COLUMNS
from tests.in_chromium import needs_chromium, open_browser, playwright, visit, wait_for_chart
from tests.report_example import NOW, example_data, small_inputs

pytestmark = needs_chromium

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


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with open_browser() as opened:
        yield opened


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
            replace(
                verdict,
                reasons=(text, text),
                what_it_would_take=text,
                notes=(text,),
                advice=(Advice("STOP", text, text), Advice("STOP", text, f"{text} more")),
            )
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
        config=pl.DataFrame(
            [(text, text, f"{text} {i}") for i, text in enumerate(texts)],
            schema=CONFIG_COLUMNS,
            orient="row",
        ),
    )
    extras = PageExtras(
        comparisons=hostile_comparisons(texts, texts[0]), changed_rules=texts[1], selection=texts[2]
    )
    return render_page(
        gather_report(verdicts, joined, generated_at=NOW, version="0.1.0", extras=extras)
    )


def hostile_comparisons(runs: list[str], model: str) -> RunComparisons:
    """Every run against the base model, and the first against all others; one not comparable."""

    def pair(run_a: str, run_b: str) -> Pair:
        numbers = (0.25, 0.26, -0.01, -0.02, 0.001, 0.2, 0.004, 30.0, 0.02, 0.01, 0.0, 90)
        return Pair(run_a, run_b, "cannot tell", None, 40, *numbers)

    apart = Pair(runs[0], runs[1], "not comparable", runs[0], 0, *[None] * 12)

    def comparison(pairs: tuple[Pair, ...]) -> ComparisonSet:
        compared_runs = tuple(
            ComparedRun(run, (500,), 40, 0.25, 0.24, 0.26, "BELOW_BAND", "too_short", 0.0, 1, 20)
            for run in runs
        )
        best = tuple(BestCheckpoints(run, 500, (500,), 2) for run in runs)
        groups = (Group(tuple(runs), "cannot be told apart"),)
        return ComparisonSet(
            (Comparison(model, "run", "", 0.05, 0.01, compared_runs, pairs, groups, best),), ()
        )

    return RunComparisons(
        of_runs=comparison((apart, *(pair(runs[0], run) for run in runs[2:]))),
        against_base=comparison(tuple(pair(run, BASE) for run in runs)),
    )


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
    for point in page.locator("#chart-1 .points path, #forest-1 .points path").all()[::7]:
        point.hover(force=True)
    page.locator("#heat-1").hover()
    page.locator(".forest-reference").select_option(index=1)
    page.evaluate("document.querySelectorAll('.copy, #link-button').forEach((b) => b.click())")
    assert page.evaluate("window.__xss") is None
    assert asked == []
    assert opened.complaints == []
    assert page.url == file.as_uri()
    assert opened.violations() == []
    shown = page.locator("main").text_content()
    for payload in PAYLOADS[:17]:
        assert payload.replace("URL", url) in shown
    assert page.locator(".plot svg a").count() == 0
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


# The mutation checks


def test_one_sink_without_escaping_is_noticed(
    browser: playwright.Browser,
    canary: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    url, asked = canary
    parts = tmp_path / "reports"
    shutil.copytree(page_module.resource_folder("reports"), parts)
    template = parts / "sections" / "verdicts.html.j2"
    safe = template.read_text().replace(
        '<bdi class="run-name">{{ verdict.run }}', '<bdi class="run-name">{{ verdict.run|safe }}'
    )
    template.write_text(safe)
    monkeypatch.setattr(page_module, "resource_folder", lambda _: parts)
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", hostile_page(url))
    file = tmp_path / "mutated.html"
    file.write_text(text, encoding="utf-8")
    context = browser.new_context()
    page = visit(context, file, scroll=False).page
    page.wait_for_timeout(300)
    assert page.evaluate("window.__xss") == 1 or page.url != file.as_uri()
    assert asked
    context.close()


def test_a_label_that_plotly_gets_as_markup_is_noticed(
    browser: playwright.Browser,
    canary: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    url, _ = canary
    monkeypatch.setattr(chartdata, "text_for_plotly", lambda text: text)
    file = tmp_path / "mutated.html"
    file.write_text(hostile_page(url), encoding="utf-8")
    context = browser.new_context()
    page = visit(context, file).page
    wait_for_chart(page, "#forest-1")
    assert page.locator(".plot svg a").count() > 0
    context.close()


@pytest.mark.parametrize("is_shared", [False, True], ids=["as it is", "share button on"])
def test_no_button_offers_to_send_a_chart_away(
    browser: playwright.Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_shared: bool
):
    if is_shared:
        monkeypatch.setitem(figures.CONFIG, "showSendToCloud", True)
    file = tmp_path / "report.html"
    file.write_text(render_page(example_data(tmp_path, with_pictures=False)), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = visit(context, file).page
    for plot in ("#chart-1", "#forest-1", "#spread-plot-1", "#heat-1"):
        wait_for_chart(page, plot)
        titles = page.locator(f"{plot} .modebar-btn").evaluate_all(
            "(buttons) => buttons.map((b) => b.getAttribute('data-title') || b.ariaLabel)"
        )
        assert any("png" in title.lower() for title in titles)
        leaving = [t for t in titles if re.search("share|cloud|plotly", t, re.IGNORECASE)]
        assert bool(leaving) == is_shared
    context.close()
