"""The numbers behind the charts as JSON values for the page's scripts.

Invariant: what a script hands to plotly is inert here already (`label`); what it writes into the
page as text is plain (`name`, `text`) and only ever set as textContent.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from clipstore.report.data import ModelSection, RunRow
from clipstore.report.figures import CONFIG, curves_to_figure
from clipstore.report.forest import pairs_to_json
from clipstore.report.inert import shorten, text_for_plotly, visible_text
from clipstore.report.looks import BADGES
from clipstore.report.quantiles import QUANTILES
from clipstore.report.scorecube import MISSING, UNITS_PER_COSINE, ZERO, ScoreCube

DECIMALS = 5
"""Far below any interval."""


def curves_json(section: ModelSection) -> Mapping[str, object]:
    """The curves' figure, and by short run id the hours of its steps where they are known."""
    curves = [row.curve for row in section.rows]
    figure = curves_to_figure(curves, section.model.band, section.base_cosine)
    hours = {curve.id: curve.hours for curve in curves if curve.hours}
    steps = {curve.id: [s.step for s in curve.steps] for curve in curves if curve.hours}
    return figure | {"hours": hours, "steps": steps}


def data_json(section: ModelSection) -> Mapping[str, object]:
    """Runs in the page's order with their spreads, and the pairs of the forest."""
    return {
        "config": CONFIG,
        "quantiles": QUANTILES,
        "runs": [_run_json(row) for row in section.rows],
        "forest": pairs_to_json(
            section.comparison, section.against_base, [row.curve for row in section.rows]
        ),
    }


def cube_json(cube: ScoreCube) -> Mapping[str, object]:
    """The cells as base64 of little-endian uint16: run by run, the base model's row first."""
    cells = b"".join(run.cells.astype("<u2").tobytes() for run in cube.runs)
    return {
        "missing": MISSING,
        "units": UNITS_PER_COSINE,
        "zero": ZERO,
        "steps": [run.steps for run in cube.runs],
        "prompts": [[p.id, visible_text(p.prompt_id), visible_text(p.text)] for p in cube.prompts],
        "cells": base64.b64encode(cells).decode("ascii"),
    }


def _run_json(row: RunRow) -> Mapping[str, object]:
    return {
        "id": row.id,
        "name": visible_text(row.verdict.run),
        "label": text_for_plotly(shorten(row.verdict.run, 48)),
        "short": text_for_plotly(shorten(row.verdict.run, 18)),
        "slug": BADGES[row.verdict.verdict].slug,
        "steps": [spread.step for spread in row.spreads],
        "n": [spread.n_prompts for spread in row.spreads],
        "breaks": row.curve.breaks,
        "spread": [[round(q, DECIMALS) for q in spread.quantiles] for spread in row.spreads],
        "poor": [_rounded(spread.share_poor) for spread in row.spreads],
        "band": [_rounded(spread.share_in_band) for spread in row.spreads],
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, DECIMALS)
