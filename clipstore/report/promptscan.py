"""What the page says of all prompts at all validations, from their scores a few runs at a time.

Invariant: no part of the scores outlives its turn. What is kept is a row for each prompt and run,
and the numbers of the heatmap; the same whatever runs come together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from clipstore.report.cardchoice import CardChoice, choose_cards
from clipstore.report.data import PromptFacts
from clipstore.report.promptchanges import PromptChange, prompt_changes
from clipstore.report.promptchoice import scores_to_courses
from clipstore.report.promptfacts import PromptFactCounts
from clipstore.report.scorecube import CubeCells
from clipstore.types import TRAINED_PANELS


@dataclass(frozen=True)
class ModelScan:
    """Of the scores of one model."""

    choice: CardChoice | None
    """None where no run on the page has a score."""
    changes: Mapping[str, tuple[PromptChange, ...]]
    """By run."""
    cells: CubeCells


@dataclass(frozen=True)
class PromptScan:
    """Of a whole store."""

    models: Mapping[str, ModelScan]
    facts: PromptFacts

    def of_model(self, model: str) -> ModelScan:
        return self.models.get(model) or ModelScan(None, {}, CubeCells())

    def wanted(self) -> pl.DataFrame:
        """run and text_id of all cards, each once."""
        chosen = [scan.choice.wanted() for scan in self.models.values() if scan.choice is not None]
        nothing = pl.DataFrame(schema={"run": pl.String, "text_id": pl.Int64})
        return pl.concat([nothing, *chosen]).unique().sort("run", "text_id")


def scan_prompts(parts: Iterable[pl.DataFrame], runs: Mapping[str, Collection[str]]) -> PromptScan:
    """`parts`: `tables.PROMPT_STEP_COLUMNS`, all rows of a run in one of them. `runs`: by model,
    those on the page."""
    facts = PromptFactCounts()
    courses: dict[str, list[pl.DataFrame]] = {}
    changes: dict[str, dict[str, tuple[PromptChange, ...]]] = {}
    cells: dict[str, CubeCells] = {}
    for part in parts:
        facts.add(part)
        for (name,), rows in part.partition_by("model", as_dict=True).items():
            model = str(name)
            courses.setdefault(model, []).append(scores_to_courses(_usable(rows)))
            changes.setdefault(model, {}).update(prompt_changes(rows))
            cells.setdefault(model, CubeCells()).add(rows)
    return PromptScan(
        {
            model: ModelScan(
                choose_cards(pl.concat(found).sort("run", "text_id"), runs.get(model, ())),
                changes[model],
                cells[model],
            )
            for model, found in courses.items()
        },
        facts.result(),
    )


def _usable(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(
        pl.col("panel").is_in(TRAINED_PANELS)
        & pl.col("cosine").is_finite()
        & (pl.col("text").str.strip_chars() != "")
    )
