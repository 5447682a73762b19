"""`clipstore sql`: any question, read-only."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clipstore.options import db_option, format_option, message_console, result_console
from clipstore.output import Format, print_rows
from clipstore.storage.store import default_store_path, run_query

TABLE_ROWS = 1000
"""Rows a table shows unless more are asked for; the other formats always give all."""


@click.command("sql")
@click.argument("statement")
@click.option(
    "--rows",
    "max_rows",
    type=click.IntRange(min=0),
    default=TABLE_ROWS,
    show_default=True,
    help="Rows that a table shows; 0 for all. Other formats always give all.",
)
@db_option
@format_option
def command(statement: str, max_rows: int, db: Path | None, form: Format) -> int:
    """Run STATEMENT (or "-" to read it from standard input) on the database, read-only.

    \b
    clipstore sql "SHOW TABLES"
    clipstore sql "SELECT run, step, mean FROM run_step ORDER BY run, step" --format csv
    """
    text = sys.stdin.read() if statement == "-" else statement
    frame = run_query(default_store_path(db), text)
    shown = frame.head(max_rows) if form == "table" and max_rows else frame
    print_rows(shown.to_dicts(), frame.columns, form, result_console())
    if shown.height < frame.height:
        message_console().print(
            f"{frame.height - shown.height:,} more rows; --rows 0 shows all.", markup=False
        )
    return 0
