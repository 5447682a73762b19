"""Opening a page in a real browser, and hearing all that it complains about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")

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


@contextmanager
def open_browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def visit(
    context: playwright.BrowserContext, file: Path, fragment: str = "", *, scroll: bool = True
) -> Visit:
    """Open the file; with `scroll` unfold and see all of it."""
    page = context.new_page()
    opened = Visit(page)
    page.on("console", lambda message: opened.complaints.append(message.text))
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
    context.on("page", lambda popup: opened.complaints.append(f"opened {popup.url}"))
    page.add_init_script(WATCH)
    page.goto(file.as_uri() + fragment)
    if scroll:
        scroll_through(page)
    return opened


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


def wait_for_chart(page: playwright.Page, plot: str = "#chart-1") -> None:
    """Not `wait_for_function`: the page's policy forbids the eval it polls with."""
    page.locator(f"{plot} .main-svg").first.wait_for(state="attached")
