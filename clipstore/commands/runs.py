"""`clipstore runs`: what is in the store."""

from __future__ import annotations

from pathlib import Path

import click

from clipstore.options import db_option, format_option, result_console
from clipstore.output import Format, print_rows
from clipstore.storage.store import default_store_path, open_current


@click.command("runs")
@db_option
@format_option
def command(db: Path | None, form: Format) -> int:
    """List the runs in the database: how many validations, how far, and clip/mean at the end."""
    with open_current(default_store_path(db)) as reader:
        frame = reader.read("runs_listed")
    print_rows(frame.to_dicts(), frame.columns, form, result_console())
    return 0
