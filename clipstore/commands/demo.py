"""`clipstore demo`: real runs of a small model, scored and judged offline in a minute."""

from __future__ import annotations

from pathlib import Path

import click

from clipstore.commands import ingest, report, verdict
from clipstore.demo.layout import lay_out_run
from clipstore.errors import OutputError
from clipstore.options import message_console
from clipstore.resources import resource_folder

DEFAULT_FOLDER = Path("clipstore-demo")


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER)
@click.pass_context
def command(ctx: click.Context, folder: Path) -> int:
    """Lay the demo's runs out in FOLDER, score them, and show what clipstore says of them.

    The runs are real trainings of a small text-to-image model on drawn shapes, and the scorer is a
    small CLIP trained on the same world: everything but the size is as in earnest.
    """
    data = resource_folder("demo_data")
    if folder.exists() and not (folder / "runs").is_dir():
        raise OutputError(folder, "it exists and is not a demo; name another folder")
    for sheets in sorted((data / "runs").iterdir()):
        if not (folder / "runs" / sheets.name).exists():
            lay_out_run(sheets, folder / "runs" / sheets.name)
    store = folder / "clipstore.duckdb"
    message_console().print(
        f"$ clipstore ingest {folder / 'runs'} --model {data / 'small-clip'} --db {store}",
        markup=False,
    )
    ctx.invoke(
        ingest.command,
        paths=(folder / "runs",),
        model=str(data / "small-clip"),
        offline=True,
        db=store,
    )
    message_console().print(f"\n$ clipstore verdict --db {store}", markup=False)
    ctx.invoke(verdict.command, db=store)
    message_console().print(f"\n$ clipstore report --html --db {store}", markup=False)
    ctx.invoke(report.command, file=folder / report.DEFAULT_NAME, db=store)
    return 0
