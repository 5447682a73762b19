"""Verdicts and frames to the page's values.

Invariant: nothing is sampled silently. Where only the first of something is kept, the count of
all stays beside it. The clock is an argument, so the same store gives the same page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath

from clipstore.analysis.verdict import ORDER
from clipstore.findings import Verdict
from clipstore.report.agreement import human_agreement
from clipstore.report.cautions import cautions_of
from clipstore.report.clipagreement import to_trainer_agreement
from clipstore.report.configtable import config_to_table
from clipstore.report.data import SIZE_CAP_BYTES, ReportData
from clipstore.report.dataquality import (
    folders_of,
    tables_to_counts,
    tables_to_problems,
)
from clipstore.report.gathersection import RunComparisons, gather_section
from clipstore.report.modeldisagreement import disagreements_to_sentences
from clipstore.report.pagefit import (
    SHARE_OF_CARDS,
    SHARE_OF_CUBES,
    SHARE_OF_CUBES_ALONE,
    cards_that_fit,
    text_bytes,
)
from clipstore.report.pictureregister import EMBEDDED, PictureRegister, PictureWishes
from clipstore.report.promptscan import scan_prompts
from clipstore.report.tables import ReportTables

BYTES_WITHOUT_PICTURES = 2_000_000
"""The plotly bundle and an ordinary page's text without scores and cards; `pagefit` trims what is
still over."""


@dataclass(frozen=True)
class PageExtras:
    """What a page may have besides verdicts and frames."""

    comparisons: RunComparisons | None = None
    runs_not_compared: str | None = None
    """Why `comparisons` is None."""
    pictures_not_compared: str | None = None
    """Why the pictures' vectors were left alone, if they were."""
    changed_rules: str | None = None
    """Which constants of the rules are not the usual ones."""
    selection: str | None = None
    """Which runs were asked for."""
    sql_values: Mapping[str, str | None] = field(default_factory=dict)
    """As `ReportData.sql_values`."""
    not_in_sql: str | None = None
    """As `ReportData.not_in_sql`."""
    with_paths: bool = False
    """Absolute folders and hosts may show."""


def gather_report(
    verdicts: Sequence[Verdict],
    tables: ReportTables,
    *,
    generated_at: datetime,
    version: str,
    size_cap_bytes: int = SIZE_CAP_BYTES,
    wishes: PictureWishes = EMBEDDED,
    extras: PageExtras | None = None,
) -> ReportData:
    """Everything the page shows. Reads picture files for the thumbnails, nothing else.

    `generated_at` must carry its time zone. Runs without a verdict are not on the page.
    """
    extras = extras or PageExtras()
    ordered = sorted(verdicts, key=_row_order)
    register = PictureRegister()
    by_model: dict[str, list[Verdict]] = {}
    for verdict in ordered:
        by_model.setdefault(verdict.model, []).append(verdict)
    roots = {row["run"]: PurePath(row["root"]) for row in tables.runs.iter_rows(named=True)}
    scan = tables.scan or scan_prompts([tables.prompt_step], runs_by_model(verdicts))
    share = SHARE_OF_CUBES if wishes.embed else SHARE_OF_CUBES_ALONE
    max_cube_bytes = int(share * size_cap_bytes / max(1, len(by_model)))
    whole = tuple(
        gather_section(
            model,
            of_model,
            tables,
            scan.of_model(model),
            roots,
            register,
            extras.comparisons,
            max_cube_bytes,
        )
        for model, of_model in by_model.items()
    )
    sections = cards_that_fit(whole, SHARE_OF_CARDS * size_cap_bytes)
    rows = {row.verdict.run: row for section in reversed(sections) for row in section.rows}
    by_page = list(dict.fromkeys(v.run for v in ordered))
    return ReportData(
        generated_at=generated_at,
        version=version,
        sections=sections,
        counts=tables_to_counts(tables),
        problems=tables_to_problems(tables, roots, with_paths=extras.with_paths),
        prompts=scan.facts,
        cautions=(
            *cautions_of(sections, scan.facts),
            *disagreements_to_sentences(tables.disagreements),
            *filter(None, (extras.not_in_sql, extras.pictures_not_compared, extras.changed_rules)),
        ),
        config=config_to_table(
            tables.config, by_page, folders_of(roots.values()), with_paths=extras.with_paths
        ),
        config_rows=tuple(rows[run] for run in by_page),
        not_compared=extras.runs_not_compared,
        selection=extras.selection,
        sql_values=extras.sql_values,
        not_in_sql=extras.not_in_sql,
        agreement=human_agreement(),
        trainer_agreement=to_trainer_agreement(tables.trainer_agreement, by_page),
        size_cap_bytes=size_cap_bytes,
        pictures=register.to_pictures(
            wishes,
            shown=frozenset().union(*(section.pictures for section in sections)),
            budget_bytes=max(0, size_cap_bytes - BYTES_WITHOUT_PICTURES - text_bytes(sections)),
            now_ns=int(generated_at.timestamp()) * 1_000_000_000,
        ),
        verdicts=tuple(row.verdict for section in sections for row in section.rows),
    )


def runs_by_model(verdicts: Sequence[Verdict]) -> dict[str, set[str]]:
    """The runs on the page."""
    found: dict[str, set[str]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.model, set()).add(verdict.run)
    return found


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
