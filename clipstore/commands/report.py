"""`clipstore report`: one page to look at and to mail."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from clipstore.analysis.rulesfile import rules_from_file
from clipstore.options import db_option, planned_steps_option, result_console, rules_option
from clipstore.report.fromstore import ReportRequest, report_from_store
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PictureWishes
from clipstore.storage.store import default_store_path
from clipstore.wholefile import write_whole

DEFAULT_NAME = "clipstore-report.html"


@click.command("report")
@click.option(
    "--html",
    "file",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=Path(DEFAULT_NAME),
    default=Path(DEFAULT_NAME),
    show_default=True,
    metavar="[FILE]",
    help="Write the page to FILE.",
)
@click.option(
    "--size",
    "size_cap_mb",
    type=click.FloatRange(min=3),
    default=12.0,
    show_default=True,
    help="Largest page in megabytes; the page says what was left out to keep to it.",
)
@click.option("--no-images", is_flag=True, help="Leave the thumbnails out.")
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="NAME",
    help="Only this run; a pattern such as 'lora-*' takes several, and so does the option twice.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="Only runs that got a score since then (UTC).",
)
@click.option(
    "--show-paths",
    "with_paths",
    is_flag=True,
    help="Let absolute folders and hosts stand on the page.",
)
@click.option(
    "--now",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"]),
    help="The time to print on the page (UTC), for pages that compare byte by byte.",
)
@planned_steps_option
@rules_option
@db_option
def command(
    file: Path,
    size_cap_mb: float,
    no_images: bool,
    runs: tuple[str, ...],
    since: datetime | None,
    with_paths: bool,
    now: datetime | None,
    planned_steps: int | None,
    rules_file: Path | None,
    db: Path | None,
) -> int:
    """Write one self-contained HTML page: verdicts, curves, prompts, data quality.

    The page makes no request and names no path of this machine. Its path is printed last.
    """
    generated_at = datetime.now(UTC) if now is None else now.replace(tzinfo=UTC)
    request = ReportRequest(
        generated_at=generated_at,
        wishes=PictureWishes(embed=not no_images),
        size_cap_bytes=int(size_cap_mb * 1e6),
        rules=None if rules_file is None else rules_from_file(rules_file),
        planned_steps=planned_steps,
        runs=runs,
        since=None if since is None else since.replace(tzinfo=UTC),
        with_paths=with_paths,
    )
    data = report_from_store(default_store_path(db), request)
    write_whole(file, render_page(data))
    result_console().print(os.fspath(file), markup=False, soft_wrap=True)
    return 0
