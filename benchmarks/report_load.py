"""How long Chromium takes until the page answers, beside a fixed loop of JavaScript each time.

    python -m benchmarks.report_load [--runs 50 --prompts 1600 --steps 10] [--throttle 4]
    python -m benchmarks.report_load --page FILE

Draws synthetic runs, has them judged and compared, writes the page without pictures and opens it
several times from disk; or opens a page that is there, such as that of `report_store.py`. "Ready"
is the mark that the last script sets; the loop says how fast the machine was just then, so that a
busy one does not count as a slow page. The peer is plotly.js alone: the same bundle in an empty
page.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from playwright.sync_api import Browser, sync_playwright

from clipstore.analysis.compare import compare_runs
from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.report.data import ReportData
from clipstore.report.gather import PageExtras, gather_report
from clipstore.report.gathersection import RunComparisons
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.tables import ReportTables
from clipstore.resources import resource_folder
from clipstore.types import content_id
from tests.report_example import BAND, MODEL, empty_tables, models_frame, prompts_to_run_step

NOW = datetime(2031, 11, 23, 19, 5, tzinfo=UTC)
LOOP = """() => {
  const start = performance.now();
  let sum = 0;
  for (let i = 1; i < 4e7; i++) sum += 1 / i;
  return [performance.now() - start, sum];
}"""
READY = """() => [
  performance.getEntriesByName('clipstore-ready')[0]?.startTime ?? performance.now(),
  performance.getEntriesByName('first-paint')[0]?.startTime ?? null,
  performance.memory?.usedJSHeapSize ?? null,
]"""


@dataclass(frozen=True)
class Opening:
    """One visit, in milliseconds and bytes."""

    ready_ms: float
    first_paint_ms: float
    heap_bytes: float
    loop_ms: float


def synthetic_data(n_runs: int, n_prompts: int, n_steps: int) -> ReportData:
    """Runs at levels around the band's lower edge, gathered as a store's would be; no pictures."""
    rng = np.random.default_rng(20311123)
    prompts = pl.DataFrame(
        {
            "prompt_id": [f"prompt_{i:05d}" for i in range(n_prompts)],
            "text": [
                f"a photograph of subject {i}, soft light, {i % 97}" for i in range(n_prompts)
            ],
        }
    ).with_columns(text_id=pl.col("text").map_elements(content_id, return_dtype=pl.Int64))
    difficulty = rng.normal(0, 0.03, n_prompts)
    frames = []
    for r in range(n_runs):
        level = rng.uniform(0.2, 0.34)
        for s in range(n_steps):
            mean = level - 0.03 * np.exp(-s / 2) + rng.normal(0, 0.002)
            trained = mean + difficulty + rng.normal(0, 0.012, n_prompts)
            base = 0.26 + difficulty
            frames += [
                prompts.with_columns(
                    run=pl.lit(f"sweep/run-{r:03d}"),
                    step=pl.lit(500 * (s + 1), pl.Int64),
                    panel=pl.lit(panel),
                    cosine=pl.Series(values),
                )
                for panel, values in (
                    ("checkpoint", trained),
                    *([("base", base)] if s == 0 else []),
                )
            ]
    scores = pl.concat(frames).with_columns(
        model=pl.lit(MODEL),
        model_id=pl.lit(content_id(MODEL)),
        run_id=pl.col("run").rank("dense").cast(pl.Int64),
        image_index=pl.lit(0, pl.Int64),
    )
    runs = scores.select("run_id", "run").unique(maintain_order=True)
    planned = runs.with_columns(planned_steps=pl.lit(500 * n_steps, pl.Int64))
    bands = {content_id(MODEL): BAND}
    verdicts = verdicts_from_scores(scores, planned, bands)
    comparisons = RunComparisons(
        compare_runs(scores, bands, CompareOptions()),
        compare_runs(scores, bands, CompareOptions(against_base=True)),
    )
    return gather_report(
        verdicts,
        scores_to_tables(scores),
        generated_at=NOW,
        version="0.1.0",
        wishes=PictureWishes(embed=False),
        extras=PageExtras(comparisons=comparisons),
    )


def scores_to_tables(scores: pl.DataFrame) -> ReportTables:
    """What the store's reads would give."""
    by_prompt = scores.with_columns(
        is_truncated=pl.lit(value=False), asks_for_words=pl.lit(value=False)
    )
    none = empty_tables()
    runs = sorted(scores["run"].unique().to_list())
    return ReportTables(
        run_step=prompts_to_run_step(by_prompt),
        prompt_step=by_prompt,
        pictures=none.pictures,
        problems=none.problems,
        ingests=none.ingests,
        runs=pl.DataFrame(
            [(run, f"/data/{run}", "folder") for run in runs], schema=none.runs.schema, orient="row"
        ),
        models=models_frame(MODEL),
    )


def open_page(browser: Browser, file: Path, throttle: float) -> Opening:
    """A fresh context each time, so that nothing is cached between visits."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    control = context.new_cdp_session(page)
    control.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.goto("about:blank")
    loop_ms = page.evaluate(LOOP)[0]
    page.goto(file.as_uri(), wait_until="load", timeout=180_000)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    ready, paint, heap = page.evaluate(READY)
    context.close()
    return Opening(ready, paint or float("nan"), heap or float("nan"), loop_ms)


def bundle_alone(folder: Path) -> Path:
    """The peer: plotly's bundle and nothing else."""
    bundle = (resource_folder("reports") / "plotly-cartesian.min.js").read_text(encoding="utf-8")
    file = folder / "plotly.html"
    bundle = bundle.replace("<!--", "\\\\x3c!--")
    file.write_text(
        f"<!doctype html><title>p</title><p>p</p><script>{bundle}</script>"
        "<script>performance.mark('clipstore-ready')</script>",
        encoding="utf-8",
    )
    return file


def told(name: str, visits: list[Opening]) -> str:
    """Medians, and the ratio to the loop."""
    ready = statistics.median(v.ready_ms for v in visits)
    ratio = statistics.median(v.ready_ms / v.loop_ms for v in visits)
    return (
        f"{name:<22}ready {ready:6.0f} ms ({min(v.ready_ms for v in visits):.0f} to "
        f"{max(v.ready_ms for v in visits):.0f}), {ratio:5.1f} loops; first paint "
        f"{statistics.median(v.first_paint_ms for v in visits):5.0f} ms; heap "
        f"{statistics.median(v.heap_bytes for v in visits) / 1e6:5.0f} MB; loop "
        f"{statistics.median(v.loop_ms for v in visits):4.0f} ms"
    )


def made_page(n_runs: int, n_prompts: int, n_steps: int) -> tuple[str, str]:
    """The page, and what it cost."""
    started = time.monotonic()
    data = synthetic_data(n_runs, n_prompts, n_steps)
    gathered = time.monotonic()
    text = render_page(data)
    written = time.monotonic()
    return text, (
        f"{n_runs} runs x {n_prompts} prompts x {n_steps} steps: "
        f"{len(text.encode()) / 1e6:.2f} MB; judged, compared and gathered in "
        f"{gathered - started:.1f} s, written in {written - gathered:.1f} s"
    )


def main() -> None:
    """Make the page, open it, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--prompts", type=int, default=1600)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--throttle", type=float, default=1.0)
    parser.add_argument("--keep", type=Path, help="write the page here too")
    parser.add_argument("--page", type=Path, help="open this page, make none")
    asked = parser.parse_args()
    if asked.page:
        text = asked.page.read_text(encoding="utf-8")
        lines = [f"{asked.page.name}: {len(text.encode()) / 1e6:.2f} MB"]
    else:
        text, told_of_it = made_page(asked.runs, asked.prompts, asked.steps)
        lines = [told_of_it]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "report.html"
        file.write_text(text, encoding="utf-8")
        if asked.keep:
            asked.keep.write_text(text, encoding="utf-8")
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--enable-precise-memory-info"],
        )
        peer = bundle_alone(Path(folder))
        pages, peers = [], []
        for _ in range(asked.visits):
            peers.append(open_page(browser, peer, asked.throttle))
            pages.append(open_page(browser, file, asked.throttle))
        lines += [told("the report", pages), told("plotly.js alone", peers)]
        browser.close()
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
