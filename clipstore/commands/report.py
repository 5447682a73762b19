"""`clipstore report`: one page to look at and to mail."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import click

from clipstore.analysis.allrules import AllRules
from clipstore.errors import OutputError
from clipstore.options import (
    db_option,
    message_console,
    planned_steps_option,
    result_console,
    rules_option,
)
from clipstore.output import visible_text
from clipstore.report.fromstore import ReportRequest, report_from_store
from clipstore.report.markdown import report_to_markdown
from clipstore.report.page import render_page
from clipstore.report.pictureregister import PanelsBeside, PictureWishes, relative_link
from clipstore.storage.store import default_store_path
from clipstore.wholefile import whole_file, write_whole

DEFAULT_NAME = "clipstore-report.html"
SMALLEST_MB = 3


class PageSize(click.ParamType[int]):
    """Megabytes, with or without the unit: "5mb", "12". A value in bytes."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(?:mb)?", str(value).strip().lower())
        if found is None or float(found[1]) < SMALLEST_MB:
            self.fail(
                f"{value!r} is no size; give megabytes, {SMALLEST_MB}mb or more, such as 12mb.",
                param,
                ctx,
            )
        return round(float(found[1]) * 1e6)


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
    "--format",
    "form",
    type=click.Choice(["html", "md"]),
    default="html",
    show_default=True,
    help="md: print the verdicts as Markdown, for a pull request or a chat, and write no page.",
)
@click.option(
    "--size",
    "size_cap_bytes",
    type=PageSize(),
    default="12mb",
    show_default=True,
    help="Largest page, for example 5mb or 25mb; the page says what was left out to keep to it.",
)
@click.option("--no-images", is_flag=True, help="Embed no pictures.")
@click.option(
    "--images-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the page's pictures whole into this folder, and let the page show those.",
)
@click.option(
    "--link-files",
    is_flag=True,
    help="Link the trainer's own files, not cut. Their relative paths stand in the page then.",
)
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
    size_cap_bytes: int,
    form: str,
    no_images: bool,
    images_dir: Path | None,
    link_files: bool,
    runs: tuple[str, ...],
    since: datetime | None,
    with_paths: bool,
    now: datetime | None,
    planned_steps: int | None,
    rules: AllRules,
    db: Path | None,
) -> int:
    """Write one self-contained HTML page: verdicts, curves, prompts, data quality.

    The page makes no request and names no path of this machine, unless --images-dir, --link-files
    or --show-paths asks for it. What it says of the runs is kept in the database, where the SQL on
    the page finds it. Its path is printed last.
    """
    page_folder = file.resolve().parent
    generated_at = datetime.now(UTC) if now is None else now.replace(tzinfo=UTC)
    request = ReportRequest(
        generated_at=generated_at,
        wishes=PictureWishes(
            embed=not no_images and form == "html",
            panels=None if images_dir is None else _panels_into(images_dir, page_folder),
            link_files_from=page_folder if link_files else None,
        ),
        size_cap_bytes=size_cap_bytes,
        rules=rules,
        planned_steps=planned_steps,
        runs=runs,
        since=None if since is None else since.replace(tzinfo=UTC),
        with_paths=with_paths,
        judged_at=datetime.now(UTC),
    )
    data = report_from_store(default_store_path(db), request)
    if data.not_in_sql is not None:
        message_console().print(visible_text(data.not_in_sql), markup=False)
    if form == "md":
        click.echo(report_to_markdown(data), nl=False)
        return 0
    write_whole(file, render_page(data))
    result_console().print(os.fspath(file), markup=False, soft_wrap=True)
    return 0


def _panels_into(folder: Path, page_folder: Path) -> PanelsBeside:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error

    def write(name: str, content: bytes) -> None:
        with whole_file(folder / name) as panel:
            panel.write(content)

    return PanelsBeside(relative_link(folder.resolve(), page_folder), write)
