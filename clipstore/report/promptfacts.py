"""What is odd about the prompts: truncated, edited, differing, asking for written words.

Invariant: every count is of all; lists are cut, counts never are.
"""

from __future__ import annotations

import polars as pl

from clipstore.report.data import PromptFacts, PromptVersion
from clipstore.types import TRAINED_PANELS

MAX_LISTED = 20
"""The database has them all."""
MAX_LISTED_TEXT = 200

_TEXTS = {
    "text_id": pl.Int64,
    "text": pl.String,
    "is_truncated": pl.Boolean,
    "asks_for_words": pl.Boolean,
}
_VERSIONS = {
    "run": pl.String,
    "prompt_id": pl.String,
    "text_id": pl.Int64,
    "text": pl.String,
    "first_step": pl.Int64,
    "last_step": pl.Int64,
}
_MEANINGS = {"prompt_id": pl.String(), "text_ids": pl.List(pl.Int64)}


class PromptFactCounts:
    """Of the trained pictures' prompts, blank ones apart; added a few runs at a time."""

    def __init__(self) -> None:
        self._texts = pl.DataFrame(schema=_TEXTS)
        """Each text once."""
        self._versions = pl.DataFrame(schema=_VERSIONS)
        """Of the prompts that were edited within their run."""
        self._meanings = pl.DataFrame(schema=_MEANINGS)
        """What each prompt id stood for in a run, each such set of texts once."""

    def add(self, prompt_step: pl.DataFrame) -> None:
        """All rows of some runs, of all models: `tables.PROMPT_STEP_COLUMNS`."""
        prompts = (
            prompt_step.lazy()
            .filter(pl.col("panel").is_in(TRAINED_PANELS))
            .group_by("run", "prompt_id", "text_id")
            .agg(
                pl.col("text").first(),
                pl.col("is_truncated").any(),
                pl.col("asks_for_words").any(),
                pl.col("step").min().alias("first_step"),
                pl.col("step").max().alias("last_step"),
            )
            .filter(pl.col("text").str.strip_chars() != "")
            .collect()
        )
        edited = prompts.filter(pl.len().over("run", "prompt_id") > 1)
        self._versions = pl.concat([self._versions, edited.select(list(_VERSIONS))])
        self._texts = (
            pl.concat([self._texts, prompts.select(list(_TEXTS))])
            .group_by("text_id")
            .agg(
                pl.col("text").first(),
                pl.col("is_truncated").any(),
                pl.col("asks_for_words").any(),
            )
        )
        # Each run's own texts of an id, as one value: an edit inside a run is counted above, and
        # the same edit in two runs is no difference between them.
        meanings = prompts.group_by("run", "prompt_id").agg(
            pl.col("text_id").unique().sort().alias("text_ids")
        )
        self._meanings = pl.concat([self._meanings, meanings.select(list(_MEANINGS))]).unique()

    def result(self) -> PromptFacts:
        truncated = self._texts.filter(pl.col("is_truncated")).sort("text", "text_id")
        asking = self._texts.filter(pl.col("asks_for_words")).sort("text", "text_id")
        return PromptFacts(
            n_texts=self._texts.height,
            n_truncated=truncated.height,
            truncated=_listed(truncated),
            n_asking=asking.height,
            asking=_listed(asking),
            n_edited=self._versions.select("run", "prompt_id").unique().height,
            versions=_versions(self._versions),
            n_differing=self._meanings.filter(pl.col("prompt_id").is_duplicated())[
                "prompt_id"
            ].n_unique(),
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
