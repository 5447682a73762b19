"""Two runs with drawn pictures of every prompt at every step, small enough for a test to read.

Invariant: what a picture shows is plain: its run, prompt and step are in its colour, so that a
test can tell which one is on the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import polars as pl
from PIL import Image

from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.findings import Verdict
from clipstore.report.data import ReportData
from clipstore.report.gather import gather_report
from clipstore.report.pictureregister import EMBEDDED, PictureWishes
from clipstore.report.tables import ReportTables
from clipstore.types import content_id
from tests.report_example import BAND, MODEL, NOW, rows_to_scores, scores_to_tables

PANEL_PX = 256
PROMPTS = tuple(f"a {thing} on a table" for thing in ("bowl", "cup", "fork", "jug", "pan", "vase"))
STEPS = {"long": (100, 200, 300, 400, 500), "short": (100, 200, 300)}
"""By run."""


def cosine(run: str, prompt: int, step: int) -> float:
    """Known by heart: "bowl" is the worst and "vase" the best of run long at its end; "vase" rises
    most, "bowl" falls most, "fork" jumps about."""
    slope = {0: -0.04, 5: 0.05}.get(prompt, 0.0)
    jump = 0.02 * (-1) ** (step // 100) if prompt == 2 else 0.0
    return 0.2 + 0.01 * prompt + slope * step / 500 + jump + (0.005 if run == "short" else 0.0)


def colour(run: str, prompt: int, step: int) -> tuple[int, int, int]:
    return 40 + step // 4, 30 * prompt + 40, 200 if run == "long" else 40


def picture_inputs(
    folder: Path, *, prompts: Iterable[str] = PROMPTS
) -> tuple[tuple[Verdict, ...], ReportTables]:
    """Verdicts and frames; the composites are on disk, base left and checkpoint right."""
    rows = []
    for run, steps in STEPS.items():
        for step in steps:
            for i, text in enumerate(prompts):
                rows.append((run, step, f"p{i}", text, "checkpoint", cosine(run, i, step)))
                rows.append((run, step, f"p{i}", text, "base", 0.2 + 0.01 * i))
    scores = rows_to_scores(rows, MODEL)
    runs = pl.DataFrame(
        {
            "run_id": [content_id(run) for run in STEPS],
            "run": list(STEPS),
            "planned_steps": [500] * len(STEPS),
        }
    )
    tables = scores_to_tables(scores, folder)
    _draw(tables.pictures)
    return verdicts_from_scores(scores, runs, {content_id(MODEL): BAND}), tables


def picture_data(
    folder: Path, *, wishes: PictureWishes = EMBEDDED, size_cap_bytes: int = 12_000_000
) -> ReportData:
    verdicts, tables = picture_inputs(folder)
    return gather_report(
        verdicts,
        tables,
        generated_at=NOW,
        version="0.1.0",
        wishes=wishes,
        size_cap_bytes=size_cap_bytes,
    )


def renamed(
    inputs: tuple[tuple[Verdict, ...], ReportTables], names: dict[str, str]
) -> tuple[tuple[Verdict, ...], ReportTables]:
    """The same runs under other names; their files stay where they are."""
    verdicts, tables = inputs

    def rename(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.col("run").replace(names))

    return tuple(replace(v, run=names.get(v.run, v.run)) for v in verdicts), replace(
        tables,
        run_step=rename(tables.run_step),
        prompt_step=rename(tables.prompt_step),
        pictures=rename(tables.pictures),
        runs=rename(tables.runs),
    )


def _draw(pictures: pl.DataFrame) -> None:
    for row in pictures.filter(pl.col("panel") == "checkpoint").iter_rows(named=True):
        path, prompt = Path(row["path"]), int(row["prompt_id"][1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        composite = Image.new("RGB", (2 * PANEL_PX, PANEL_PX), (128, 30 * prompt + 40, 128))
        composite.paste(
            colour(row["run"], prompt, row["step"]), (PANEL_PX, 0, 2 * PANEL_PX, PANEL_PX)
        )
        composite.save(path, compress_level=1)
