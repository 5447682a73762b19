"""One model's part of the page: its verdicts in order, with what the frames say beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from clipstore.comparisons import Comparison, ComparisonSet
from clipstore.findings import Verdict
from clipstore.modelidentity import Band
from clipstore.report.cardrows import ModelTables
from clipstore.report.coverage import run_step_to_coverage
from clipstore.report.data import ModelCard, ModelSection, RunRow
from clipstore.report.pictureregister import PictureRegister
from clipstore.report.promptcards import choice_to_cards
from clipstore.report.promptscan import ModelScan
from clipstore.report.quantiles import run_step_to_spreads
from clipstore.report.runcurve import RUN_STYLES, RunCurve
from clipstore.report.shortids import name_to_short_id
from clipstore.report.steptimes import hours_of_runs
from clipstore.report.tables import ReportTables
from clipstore.types import TRAINED_PANELS

BASE_TOLERANCE = 1e-3
"""Base means this close are drawn as one line; wider apart, the runs' prompts differ."""


@dataclass(frozen=True)
class RunComparisons:
    """What `clipstore compare` says of the page's runs."""

    of_runs: ComparisonSet
    """With each other, each over its flat end."""
    against_base: ComparisonSet
    """Each with its own base model's pictures."""

    @property
    def all(self) -> tuple[Comparison, ...]:
        return (*self.against_base.comparisons, *self.of_runs.comparisons)


def gather_section(
    model: str,
    verdicts: Sequence[Verdict],
    tables: ReportTables,
    scan: ModelScan,
    roots: Mapping[str, PurePath],
    register: PictureRegister,
    comparisons: RunComparisons | None,
    max_cube_bytes: int,
) -> ModelSection:
    """`verdicts`: this model's, in the page's order. `max_cube_bytes` of the page for the scores
    prompt by prompt."""
    of_model = pl.col("model") == model
    run_step = tables.run_step.filter(of_model)
    runs = [verdict.run for verdict in verdicts]
    compared = _of_model(comparisons.of_runs, model) if comparisons else None
    cards = choice_to_cards(
        verdicts,
        scan.choice,
        ModelTables(tables.prompt_step.filter(of_model), tables.pictures.filter(of_model)),
        roots,
        register,
    )
    shares = _last_share_in_band(run_step)
    spreads = run_step_to_spreads(run_step)
    hours = hours_of_runs(tables.step_times, verdicts)
    rows = tuple(
        RunRow(
            verdict=verdict,
            id=name_to_short_id(verdict.run),
            share_in_band=shares.get(verdict.run),
            last_step=verdict.steps[-1].step if verdict.steps else None,
            curve=RunCurve(
                run=verdict.run,
                id=name_to_short_id(verdict.run),
                steps=verdict.steps,
                style=RUN_STYLES[i] if i < len(RUN_STYLES) else None,
                group=f"run-{i}" if i < len(RUN_STYLES) else "other-runs",
                breaks=tuple(each.step for each in scan.changes.get(verdict.run, ())),
                hours=hours.get(verdict.run, ()),
            ),
            changes=scan.changes.get(verdict.run, ()),
            spreads=spreads.get(verdict.run, ()),
            strip=cards.strips.get(verdict.run),
        )
        for i, verdict in enumerate(verdicts)
    )
    return ModelSection(
        model=_model_card(model, tables.models),
        rows=rows,
        base_cosine=_shared_base(verdicts),
        prompts=cards.prompts,
        n_runs_with_cards=len(cards.prompts),
        shared=cards.shared,
        comparison=compared,
        against_base=_of_model(comparisons.against_base, model) if comparisons else None,
        cube=scan.cells.to_cube(runs, max_cube_bytes),
        coverage=run_step_to_coverage(run_step, runs),
    )


def _of_model(found: ComparisonSet, model: str) -> Comparison | None:
    return next((each for each in found.comparisons if each.model == model), None)


def _last_share_in_band(run_step: pl.DataFrame) -> dict[str, float | None]:
    last = (
        run_step.filter(pl.col("panel").is_in(TRAINED_PANELS))
        .sort("step", "panel")
        .group_by("run", maintain_order=True)
        .agg(pl.col("share_in_band").last())
    )
    return dict(zip(last["run"].to_list(), last["share_in_band"].to_list(), strict=True))


def _model_card(model: str, models: pl.DataFrame) -> ModelCard:
    found = models.filter(pl.col("name") == model)
    if found.is_empty():
        return ModelCard(model, "", "", "", "", "", None)
    row = found.row(0, named=True)
    edges = (row["poor_below_cosine"], row["low_cosine"], row["high_cosine"])
    return ModelCard(
        name=model,
        revision=row["revision"] or "",
        weights_sha256=row["weights_sha256"] or "",
        preprocessing=row["preprocessing"] or "",
        dtype=row["dtype"] or "",
        software=row["software"] or "",
        band=None if None in edges else Band(*edges),
    )


def _shared_base(verdicts: Sequence[Verdict]) -> float | None:
    means = [
        v.base.base_mean for v in verdicts if v.base is not None and math.isfinite(v.base.base_mean)
    ]
    if not means or max(means) - min(means) > BASE_TOLERANCE:
        return None
    return sum(means) / len(means)
