"""What is odd about the prompts: truncated, edited, differing, asking for written words.

Invariant: every count is of all; lists are cut, counts never are.
"""

from __future__ import annotations

import polars as pl

from clipstore.report.data import PromptFacts, PromptVersion
from clipstore.report.tables import ReportTables
from clipstore.types import TRAINED_PANELS

MAX_LISTED = 20
"""The database has them all."""
MAX_LISTED_TEXT = 200


def tables_to_prompt_facts(tables: ReportTables) -> PromptFacts:
    """Of the trained pictures' prompts, blank ones apart."""
    prompts = (
        tables.prompt_step.lazy()
        .filter(pl.col("panel").is_in(TRAINED_PANELS) & (pl.col("text").str.strip_chars() != ""))
        .group_by("run", "prompt_id", "text_id")
        .agg(
            pl.col("text").first(),
            pl.col("is_truncated").any(),
            pl.col("asks_for_words").any(),
            pl.col("step").min().alias("first_step"),
            pl.col("step").max().alias("last_step"),
        )
        .collect()
    )
    truncated = prompts.filter(pl.col("is_truncated")).unique("text_id").sort("text", "text_id")
    asking = prompts.filter(pl.col("asks_for_words")).unique("text_id").sort("text", "text_id")
    edited = prompts.filter(pl.len().over("run", "prompt_id") > 1)
    # Each run's own texts of an id, as one value: an edit inside a run is counted above, and the
    # same edit in two runs is no difference between them.
    across = (
        prompts.group_by("run", "prompt_id")
        .agg(pl.col("text_id").unique().sort())
        .group_by("prompt_id")
        .agg(pl.col("text_id").n_unique().alias("n"))
    )
    return PromptFacts(
        n_texts=prompts["text_id"].n_unique(),
        n_truncated=truncated.height,
        truncated=_listed(truncated),
        n_asking=asking.height,
        asking=_listed(asking),
        n_edited=edited.select("run", "prompt_id").unique().height,
        versions=_versions(edited),
        n_differing=across.filter(pl.col("n") > 1).height,
    )


def _listed(texts: pl.DataFrame) -> tuple[str, ...]:
    return tuple(_clipped(text) for text in texts["text"].head(MAX_LISTED).to_list())


def _versions(edited: pl.DataFrame) -> tuple[PromptVersion, ...]:
    ordered = edited.sort("run", "prompt_id", "first_step", "text_id")
    pairs = ordered.select("run", "prompt_id").unique(maintain_order=True).head(MAX_LISTED)
    return tuple(
        PromptVersion(run, prompt_id, _clipped(text), first, last)
        for run, prompt_id, text, first, last in ordered.join(
            pairs, on=["run", "prompt_id"], maintain_order="left"
        )
        .select("run", "prompt_id", "text", "first_step", "last_step")
        .iter_rows()
    )


def _clipped(text: str) -> str:
    return text if len(text) <= MAX_LISTED_TEXT else text[:MAX_LISTED_TEXT] + "…"
