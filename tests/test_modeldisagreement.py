"""The page says where two models disagree about a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from clipstore.report.fromstore import ReportRequest, report_from_store
from clipstore.report.modeldisagreement import disagreements_to_sentences
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.tables import DISAGREEMENT_COLUMNS
from tests.store_rows import (
    MODEL,
    MODEL_WITHOUT_BAND,
    model_row,
    prompt_rows,
    run_row,
    score_rows,
    write_rows,
)

TEXTS = {name: f"a {name}" for name in ("cat", "dog", "fox")}
DISAGREES = "Two models disagree about a from step 100 to 200: other sees its pictures go down by"


def cautions_of(store: Path, last_by_other: float) -> tuple[str, ...]:
    """The page's cautions on a run that one model sees rise, and the other end there."""
    models = {MODEL: (0.20, 0.25), MODEL_WITHOUT_BAND: (0.10, last_by_other)}
    write_rows(store, {"models": [model_row(model) for model in models], "runs": [run_row("a")]})
    for model, (first, last) in models.items():
        for step, level in ((100, first), (200, last)):
            cosines = {name: level + 0.001 * i * step / 100 for i, name in enumerate(TEXTS)}
            scores = score_rows("a", step, cosines, TEXTS, model=model)
            write_rows(store, prompt_rows("a", TEXTS), scores)
    request = ReportRequest(
        generated_at=datetime(2026, 1, 3, tzinfo=UTC),
        wishes=PictureWishes(embed=False),
        size_cap_bytes=10**6,
    )
    data = report_from_store(store, request)
    return data.cautions


def test_a_run_that_falls_by_one_model_and_rises_by_another_is_named(tmp_path: Path) -> None:
    (said,) = [s for s in cautions_of(tmp_path / "x.duckdb", 0.05) if "disagree" in s]
    assert said == f"{DISAGREES} 0.049, tiny up by 0.051. Look at them."


def test_a_run_that_rises_by_both_is_not(tmp_path: Path) -> None:
    assert not [s for s in cautions_of(tmp_path / "x.duckdb", 0.15) if "disagree" in s]


def test_of_many_disagreements_the_first_are_told_and_the_others_counted() -> None:
    rows = [(f"run-{n}", "m", "n", 1, 2, 0.1, -0.1, n != 3) for n in range(9)]
    frame = pl.DataFrame(rows, schema=DISAGREEMENT_COLUMNS, orient="row")
    said = disagreements_to_sentences(frame)
    assert [sentence.split(" about ")[1].split()[0] for sentence in said[:3]] == [
        *("run-0", "run-1", "run-2"),
    ]
    assert said[3:] == ("Models disagree in 5 more cases: clipstore query model_disagreement.",)
