"""The store's scores for the page: read a few runs at a time, kept only as far as it shows them.

Invariant: memory is bounded by a part of the scores and by what the page says of them; pictures are
read of the cards' prompts only. Runs that share a name come in one part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from clipstore.report.promptscan import PromptScan, scan_prompts
from clipstore.report.runstep import prompt_means_to_run_step
from clipstore.report.tables import (
    PICTURE_COLUMNS,
    PROMPT_STEP_COLUMNS,
    RUN_STEP_COLUMNS,
    STEP_TIME_COLUMNS,
)
from clipstore.storage.store import Reader
from clipstore.types import TRAINED_PANELS

PART_ROWS = 500_000
"""Scores read at once."""


class ScoresRead(NamedTuple):
    """As in `tables.ReportTables`."""

    run_step: pl.DataFrame
    prompt_step: pl.DataFrame
    """Of the cards."""
    pictures: pl.DataFrame
    """Of the cards."""
    step_times: pl.DataFrame
    scan: PromptScan


def read_scores(
    reader: Reader,
    bands: pl.DataFrame,
    runs: Mapping[str, Collection[str]],
    only: Collection[str] | None,
) -> ScoresRead:
    """`bands`: `tables.MODEL_COLUMNS`. `runs`: by model, those on the page. `only`: the names of
    the runs to read, None for all that have a score."""
    names = reader.read("run_names").select("run_id", pl.col("name").alias("run"))
    texts = reader.read("texts_of_models")
    run_steps = [pl.DataFrame(schema=RUN_STEP_COLUMNS)]
    times = [pl.DataFrame(schema=STEP_TIME_COLUMNS)]

    def parts() -> Iterator[pl.DataFrame]:
        for run_ids in _parts_of_runs(reader.read("analysis_run_sizes"), names, only):
            means = reader.read("report_prompt_step", {"run_ids": run_ids})
            times.append(reader.read("report_step_times", {"run_ids": run_ids}))
            run_steps.append(prompt_means_to_run_step(means, bands).select(list(RUN_STEP_COLUMNS)))
            yield _with_texts(means, texts)

    scan = scan_prompts(parts(), runs)
    prompt_step, pictures = _cards(reader, scan.wanted(), names, texts)
    return ScoresRead(
        run_step=pl.concat(run_steps).sort("model", "run", "panel", "step"),
        prompt_step=prompt_step,
        pictures=pictures,
        step_times=pl.concat(times),
        scan=scan,
    )


def _parts_of_runs(
    sizes: pl.DataFrame, names: pl.DataFrame, only: Collection[str] | None
) -> Iterator[list[int]]:
    """run_ids that are read together: as they follow each other in the table of scores, those of
    one name together."""
    named = sizes.join(names, on="run_id", how="left").with_columns(pl.col("run").fill_null(""))
    if only is not None:
        named = named.filter(pl.col("run").is_in(list(only)))
    together = (
        named.group_by("run")
        .agg("run_id", pl.col("n_rows").sum(), pl.col("first_row").min())
        .sort("first_row", "run")
    )
    part: list[int] = []
    n_part = 0
    for run_ids, n_rows in together.select("run_id", "n_rows").iter_rows():
        if part and n_part + n_rows > PART_ROWS:
            yield part
            part, n_part = [], 0
        part = [*part, *run_ids]
        n_part += n_rows
    if part:
        yield part


def _with_texts(means: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """The panels of the page's cards and cells, as `tables.PROMPT_STEP_COLUMNS`."""
    return (
        means.filter(pl.col("panel").is_in([*TRAINED_PANELS, "base"]))
        .join(texts, on=["model", "text_id"], how="left", maintain_order="left")
        .with_columns(pl.col("is_truncated", "asks_for_words").fill_null(value=False))
        .select(list(PROMPT_STEP_COLUMNS))
    )


def _cards(
    reader: Reader, wanted: pl.DataFrame, names: pl.DataFrame, texts: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """prompt_step and pictures of the cards' prompts."""
    pairs = wanted.join(names, on="run")
    rows = reader.read(
        "report_card_pictures",
        {"run_ids": pairs["run_id"].to_list(), "text_ids": pairs["text_id"].to_list()},
    )
    key: Sequence[str] = ("model", "run_id", "run", "step", "panel", "prompt_id", "text_id")
    means = rows.group_by(key, maintain_order=True).agg(pl.col("cosine").mean())
    pictures = rows.filter(pl.col("path").is_not_null())
    return _with_texts(means, texts), pictures.select(list(PICTURE_COLUMNS))
