"""Store → the report's data: reads the frames, has the runs judged, gathers both."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from clipstore import __version__
from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.analysis.picturesfromstore import with_pictures
from clipstore.analysis.rules import Rules
from clipstore.analysis.rulesfile import changed_rules_text
from clipstore.report.data import ReportData
from clipstore.report.gather import gather_report
from clipstore.report.pictureregister import PictureWishes
from clipstore.report.tables import ReportTables
from clipstore.storage.sqlfiles import read_statement
from clipstore.storage.store import open_current


def report_from_store(
    store: Path,
    *,
    generated_at: datetime,
    wishes: PictureWishes,
    size_cap_bytes: int,
    rules: Rules | None = None,
    planned_steps: int | None = None,
) -> ReportData:
    """All that the page shows of a store. Reads the pictures' files for the thumbnails, after the
    database is given back."""
    with open_current(store) as reader:
        verdicts, not_compared = with_pictures(
            reader, verdicts_from_reader(reader, rules, planned_steps), asked=None
        )
        tables = ReportTables(
            run_step=reader.read("report_run_step"),
            prompt_step=reader.read("report_prompt_step"),
            pictures=reader.read("report_pictures"),
            problems=reader.read("report_problems"),
            ingests=reader.read("report_ingests"),
            runs=reader.read("report_runs"),
            models=reader.read("report_models"),
            disagreements=reader.frame(
                read_statement("queries", "model_disagreement"), {"run": None}
            ),
        )
    return gather_report(
        verdicts,
        tables,
        generated_at=generated_at,
        version=__version__,
        size_cap_bytes=size_cap_bytes,
        wishes=wishes,
        not_compared=not_compared,
        changed_rules=changed_rules_text(rules or Rules()),
    )
