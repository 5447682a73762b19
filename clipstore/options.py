"""Options that several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from clipstore.output import FORMATS, PIPED_WIDTH

Decorated = TypeVar("Decorated", bound=Callable[..., object])


def db_option(function: Decorated) -> Decorated:
    """--db: which database."""
    return click.option(
        "--db",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Database file. Default: $CLIPSTORE_DB, else ./clipstore.duckdb.",
    )(function)


def format_option(function: Decorated) -> Decorated:
    """--format: how results are written to stdout."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to write the result.",
    )(function)


def result_console() -> Console:
    """stdout: results. Wide when piped, so that no terminal cuts what a file could hold."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)


def message_console() -> Console:
    """stderr: progress and everything that is not the result."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)
