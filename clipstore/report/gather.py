"""Verdicts and frames to the page's values.

Invariant: nothing is sampled silently. Where only the first of something is kept, the count of
all stays beside it. The clock is an argument, so the same store gives the same page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath

import polars as pl

from clipstore.analysis.verdict import ORDER
from clipstore.findings import Verdict
from clipstore.report.cardrows import ModelTables
from clipstore.report.data import (
    SIZE_CAP_BYTES,
    ModelCard,
    ModelSection,
    PromptFacts,
    ReportData,
    RunRow,
)
from clipstore.report.dataquality import (
    tables_to_counts,
    tables_to_problems,
    tables_to_prompt_facts,
)
from clipstore.report.figures import RUN_STYLES, RunCurve
from clipstore.report.modeldisagreement import disagreements_to_sentences
from clipstore.report.pictureregister import EMBEDDED, PictureRegister, PictureWishes
from clipstore.report.promptcards import tables_to_cards
from clipstore.report.tables import ReportTables
from clipstore.types import TRAINED_PANELS, Band

FEW_PROMPTS = 200
"""Below this the page warns: a mean over few prompts is mostly about which prompts they are."""
BASE_TOLERANCE = 1e-3
"""Base means this close are drawn as one line; wider apart, the runs' prompts differ."""
BYTES_WITHOUT_PICTURES = 2_500_000
"""The plotly bundle and an ordinary page's text; `page.render_page` trims what is still over."""


def gather_report(
    verdicts: Sequence[Verdict],
    tables: ReportTables,
    *,
    generated_at: datetime,
    version: str,
    size_cap_bytes: int = SIZE_CAP_BYTES,
    wishes: PictureWishes = EMBEDDED,
    not_compared: str | None = None,
    changed_rules: str | None = None,
) -> ReportData:
    """Everything the page shows. Reads picture files for the thumbnails, nothing else.

    `generated_at` must carry its time zone. `not_compared`: why the pictures' vectors were left
    alone, if they were; `changed_rules`: which constants are not the usual
    ones. Runs without a verdict are not on the page.
    """
    ordered = sorted(verdicts, key=_row_order)
    register = PictureRegister()
    models = list(dict.fromkeys(v.model for v in ordered))
    roots = {row["run"]: PurePath(row["root"]) for row in tables.runs.iter_rows(named=True)}
    sections = tuple(
        _section(model, [v for v in ordered if v.model == model], tables, roots, register)
        for model in models
    )
    facts = tables_to_prompt_facts(tables)
    return ReportData(
        generated_at=generated_at,
        version=version,
        sections=sections,
        counts=tables_to_counts(tables),
        problems=tables_to_problems(tables, roots),
        prompts=facts,
        cautions=(
            *_cautions(sections, facts),
            *disagreements_to_sentences(tables.disagreements),
            *filter(None, (not_compared, changed_rules)),
        ),
        size_cap_bytes=size_cap_bytes,
        pictures=register.to_pictures(
            wishes,
            budget_bytes=max(0, size_cap_bytes - BYTES_WITHOUT_PICTURES),
            now_ns=int(generated_at.timestamp()) * 1_000_000_000,
        ),
        verdicts=tuple(row.verdict for section in sections for row in section.rows),
    )


def _section(
    model: str,
    verdicts: Sequence[Verdict],
    tables: ReportTables,
    roots: Mapping[str, PurePath],
    register: PictureRegister,
) -> ModelSection:
    of_model = pl.col("model") == model
    cards = tables_to_cards(
        verdicts,
        ModelTables(tables.prompt_step.filter(of_model), tables.pictures.filter(of_model)),
        roots,
        register,
    )
    shares = _last_share_in_band(tables.run_step.filter(of_model))
    rows = tuple(
        RunRow(
            verdict=verdict,
            share_in_band=shares.get(verdict.run),
            last_step=verdict.steps[-1].step if verdict.steps else None,
            curve=RunCurve(
                run=verdict.run,
                steps=verdict.steps,
                style=RUN_STYLES[i] if i < len(RUN_STYLES) else None,
                group=f"run-{i}" if i < len(RUN_STYLES) else "other-runs",
            ),
            strip=cards.strips.get(verdict.run),
        )
        for i, verdict in enumerate(verdicts)
    )
    return ModelSection(
        model=_model_card(model, tables.models),
        rows=rows,
        base_cosine=_shared_base(verdicts),
        prompts=cards.prompts,
        shared=cards.shared,
    )


def _row_order(verdict: Verdict) -> tuple[int, int, list[tuple[int, int, str]], str]:
    """Verdict, then the most steps to save, then the name with its numbers read as numbers.

    No score is in the key: inside the band an order by score would be a ranking.
    """
    return (
        ORDER.index(verdict.verdict),
        -(verdict.abandon.steps_saved or 0),
        [_name_part(part) for part in re.split(r"([0-9]+)", verdict.run)],
        verdict.model,
    )


def _name_part(part: str) -> tuple[int, int, str]:
    """Longer numbers are larger; text comes after numbers."""
    is_number = part.isascii() and part.isdigit()
    digits = part.lstrip("0")
    return (0, len(digits), digits) if is_number else (1, 0, part)


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


def _cautions(sections: Sequence[ModelSection], facts: PromptFacts) -> tuple[str, ...]:
    said = []
    if len(sections) > 1:
        said.append(
            f"{len(sections)} CLIP models scored these runs. Their numbers do not compare, so each "
            "model has a section of its own."
        )
    counts = {v.run: v.n_prompts for s in sections for v in (row.verdict for row in s.rows)}
    few = [n_prompts for n_prompts in counts.values() if n_prompts < FEW_PROMPTS]
    if few:
        said.append(
            f"Fewer than {FEW_PROMPTS} prompts in {len(few)} of {len(counts)} runs (the fewest: "
            f"{min(few)}): such a mean says as much about the choice of prompts as about the model."
        )
    without_band = sum(1 for s in sections if s.model.band is None)
    if without_band:
        said.append(
            f"No band is known for {without_band} of {len(sections)} CLIP models: nothing can be "
            "called poor or in band there."
        )
    if facts.n_edited:
        said.append(
            f"Prompts whose text changed while their run was going on: {facts.n_edited}. The curve "
            "mixes both versions."
        )
    if facts.n_differing:
        said.append(
            f"Prompt ids that stand for different texts in different runs: {facts.n_differing}. "
            "The means of those runs do not compare."
        )
    return tuple(said)
