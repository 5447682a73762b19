"""`--to csv`: views as CSV that a spreadsheet may open.

Invariant: no cell is a formula. Prompts and names are other people's text, and a spreadsheet runs
what begins with = + - @, a tab or a carriage return; such text gets an apostrophe in front, as
spreadsheets themselves write text. Numbers are numbers, negative ones too.
"""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

from clipstore.export.tables import export_appended, lists_as_json
from clipstore.export.targets import Exported, ExportRequest
from clipstore.output import FORMULA_STARTS
from clipstore.storage.store import Reader

NAME = "csv"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """VIEW.csv for each view; times are ISO 8601 in UTC, lists are JSON."""
    return export_appended(reader, request, "csv", _to_csv)


def _to_csv(frame: pl.DataFrame, is_first: bool) -> bytes:
    cells = lists_as_json(frame)
    cells = cells.with_columns(_disarmed(name) for name in cells.select(cs.string()).columns)
    return cells.write_csv(include_header=is_first, datetime_format=TIME_FORMAT).encode("utf-8")


def _disarmed(column: str) -> pl.Expr:
    text = pl.col(column)
    is_formula = pl.any_horizontal(text.str.starts_with(start) for start in FORMULA_STARTS)
    return pl.when(is_formula).then("'" + text).otherwise(text).alias(column)
