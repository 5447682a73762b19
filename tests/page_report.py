"""A store, the page made of it, and the page's own SQL run on the store: what tests compare.

Invariant: an answer is that of the text that stands on the page, not of the file it came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import polars as pl

from clipstore.report.data import ReportData
from clipstore.report.fromstore import ReportRequest, report_from_store
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PictureWishes
from clipstore.storage.store import merge_parts, run_query
from tests.store_rows import (
    config_rows,
    ingest_row,
    model_row,
    problem_row,
    prompt_rows,
    run_row,
    scalar_rows,
    score_rows,
    write_rows,
)

XHTML = "{http://www.w3.org/1999/xhtml}"
NOW = datetime(2026, 1, 3, tzinfo=UTC)
TEXTS = {
    f"p{i:02}": text
    for i, text in enumerate(
        [
            "a red fox",
            'a shop with a sign that says "open"',
            "a prompt of many words " * 4,
            *[f"an animal called {name}" for name in ("Ada", "Bo", "Cy", "Di", "Ed", "Fay")],
        ]
    )
}
EDITED = TEXTS | {"p00": "a very red fox"}
NS_PER_STEP = 36_000_000_000
"""A hundred steps take an hour."""


@dataclass(frozen=True)
class Report:
    """A store and the page made of it."""

    store: Path
    document: Element

    def elements(self, tag: str, wanted: Callable[[Element], bool]) -> Iterator[Element]:
        return (e for e in self.document.iter(f"{XHTML}{tag}") if wanted(e))

    def rows(self, selector: Callable[[Element], bool]) -> list[list[str]]:
        """The body cells of the first table that fits, as text."""
        table = next(self.elements("table", selector))
        body = table.find(f"{XHTML}tbody")
        assert body is not None
        return [[text_of(cell) for cell in row] for row in body]

    def block(self, name: str) -> Any:
        """The JSON block of this id."""
        return json.loads(text_of(next(self.elements("script", has_id(name)))))

    def statement(self, name: str) -> str:
        """The SQL of this name as it stands on the page, wherever it stands the same."""
        boxes = self.elements("div", lambda e: e.attrib.get("data-statement") == name)
        (sql,) = {text_of(code) for box in boxes for code in box.iter(f"{XHTML}code")}
        return sql

    def answer(self, name: str) -> pl.DataFrame:
        """What that SQL gives."""
        return run_query(self.store, self.statement(name))


def page_of(store: Path, **asked: object) -> Report:
    """`asked`: fields of `ReportRequest`."""
    return Report(store, parse_page(render_page(data_of(store, **asked))))


def data_of(store: Path, **asked: object) -> ReportData:
    """What the page is made of; stores figures as any report does."""
    request = replace(ReportRequest(NOW, PictureWishes(embed=False), 12_000_000), **asked)  # type: ignore[arg-type]
    return report_from_store(store, request)


def parse_page(page: str) -> Element:
    """The page without its programs, which take a second to read; its JSON blocks are there."""
    document: Element = html5lib.parse(re.sub("<script>.*?</script>", "", page, flags=re.DOTALL))
    return document


def text_of(element: Element) -> str:
    text = "".join(element.itertext())
    return text if element.tag == f"{XHTML}code" else " ".join(text.split())


def has_class(name: str) -> Callable[[Element], bool]:
    return lambda element: name in element.attrib.get("class", "").split()


def has_id(name: str) -> Callable[[Element], bool]:
    return lambda element: element.attrib.get("id") == name


def number(text: str) -> float:
    return float(re.sub(r"[,%± ]", "", text.replace("−", "-")))


def two_runs(store: Path) -> Path:
    """Two runs with base pictures; one lacks pictures at a step and has an edited prompt."""
    parts = [{"models": [model_row()], "runs": [run_row("a"), run_row("b")]}]
    parts += [config_rows("a", lr=1e-4, rank=16), config_rows("b", lr=3e-4, rank=16)]
    parts += [prompt_rows("a", TEXTS), prompt_rows("b", TEXTS), prompt_rows("b", EDITED)]
    for k, step in enumerate(range(100, 1100, 100)):
        for run, level in (("a", 0.21 + 0.008 * k), ("b", 0.24 - 0.001 * k)):
            texts = EDITED if run == "b" and step >= 600 else TEXTS
            cosines = {
                name: level + 0.013 * i + 0.002 * ((7 * i + k) % 5)
                for i, name in enumerate(texts)
                if not (run == "b" and step == 300 and i > 6)
            }
            parts.append(score_rows(run, step, cosines, texts))
            for row in parts[-1]["images"]:
                row["file_modified_ns"] = (100 if run == "a" else 50) * 10**15 + step * NS_PER_STEP
            base = {name: 0.2253 + 0.013 * i for i, name in enumerate(TEXTS)}
            if k == 0:
                parts.append(score_rows(run, step, base, TEXTS, panel="base"))
    parts.append(
        {
            "problems": [
                problem_row("b", "step_000300/only-p07-0.png"),
                problem_row("b", "step_000300/only-p08-0.png"),
                problem_row(None, "/strays/x.png", reason="unknown_name"),
            ]
        }
    )
    parts.append({"ingests": [ingest_row(n_scored=168, n_refused=3)]})
    logged = {step + 1: 28.0 + step / 1000 for step in range(100, 1000, 100)}
    parts.append(scalar_rows("a", "clip/mean", logged, scale=100))
    write_rows(store, *parts)
    merge_parts(store, wait_seconds=1)
    return store
