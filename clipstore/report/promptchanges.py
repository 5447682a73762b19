"""Where a run's prompts changed, so that its curve is not one curve.

Invariant: a curve is drawn through only where the means before and after are of the same prompts.
A picture that is missing here and there is no change of prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from clipstore.types import TRAINED_PANELS

NEW_SHARE = 0.5
"""From this share of prompts on that the run never had before, a validation starts a new curve."""


@dataclass(frozen=True)
class PromptChange:
    """A validation at which the run's prompts are others than before."""

    step: int
    n_edited: int
    """Prompt ids that stand for another text than at their last validation."""
    n_new: int
    """Prompt ids that the run did not have before."""
    n_prompts: int


def prompt_changes(prompt_step: pl.DataFrame) -> Mapping[str, tuple[PromptChange, ...]]:
    """By run. `prompt_step`: `tables.PROMPT_STEP_COLUMNS`, the rows of one model."""
    by_prompt = (
        prompt_step.lazy()
        .filter(pl.col("panel").is_in(TRAINED_PANELS))
        .select("run", "step", "prompt_id", "text_id")
        .sort("run", "prompt_id", "step")
        .with_columns(before=pl.col("text_id").shift().over("run", "prompt_id"))
        .with_columns(
            is_edited=pl.col("before").is_not_null() & (pl.col("before") != pl.col("text_id"))
        )
        .group_by("run", "step")
        .agg(
            n_edited=pl.col("is_edited").sum().cast(pl.Int64),
            n_new=pl.col("before").is_null().sum().cast(pl.Int64),
            n_prompts=pl.len().cast(pl.Int64),
        )
        .filter(pl.col("step") > pl.col("step").min().over("run"))
        .filter((pl.col("n_edited") > 0) | (pl.col("n_new") > NEW_SHARE * pl.col("n_prompts")))
        .sort("run", "step")
        .collect()
    )
    found: dict[str, list[PromptChange]] = {}
    for run, step, n_edited, n_new, n_prompts in by_prompt.select(
        "run", "step", "n_edited", "n_new", "n_prompts"
    ).iter_rows():
        found.setdefault(run, []).append(PromptChange(step, n_edited, n_new, n_prompts))
    return {run: tuple(changes) for run, changes in found.items()}
