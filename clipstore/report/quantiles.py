"""How a validation's prompts are spread, as the view `run_step` gives it: nothing computed anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from clipstore.types import TRAINED_PANELS

QUANTILES = ("min", "p10", "p25", "p50", "p75", "p90", "max")


@dataclass(frozen=True)
class StepSpread:
    """One validation's prompt means, raw cosines."""

    step: int
    n_prompts: int
    quantiles: tuple[float, ...]
    """`QUANTILES`. The ends are single prompts, which say nothing of the run."""
    share_poor: float | None
    """Share of prompts below the model's poor level; None without a band, like the next."""
    share_in_band: float | None


def run_step_to_spreads(run_step: pl.DataFrame) -> Mapping[str, tuple[StepSpread, ...]]:
    """By run, by step. `run_step`: `tables.RUN_STEP_COLUMNS`, the rows of one model."""
    found: dict[str, list[StepSpread]] = {}
    trained = run_step.filter(pl.col("panel").is_in(TRAINED_PANELS)).sort("run", "step", "panel")
    for row in trained.iter_rows(named=True):
        found.setdefault(row["run"], []).append(
            StepSpread(
                step=row["step"],
                n_prompts=row["n_prompts"],
                quantiles=tuple(row[name] for name in QUANTILES),
                share_poor=row["share_poor"],
                share_in_band=row["share_in_band"],
            )
        )
    return {run: tuple(spreads) for run, spreads in found.items()}
