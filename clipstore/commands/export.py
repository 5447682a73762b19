"""`clipstore export`: the scores into TensorBoard, W&B, MLflow, Trackio, Parquet, CSV or JSONL."""

from __future__ import annotations

from pathlib import Path

import click

from clipstore.export.targets import (
    DEFAULT_VIEWS,
    SENDING,
    ExportRequest,
    load_target,
    target_names,
)
from clipstore.options import db_option, format_option, result_console
from clipstore.output import Format, print_rows, visible_text
from clipstore.storage.store import default_store_path, open_current


@click.command("export")
@click.argument(
    "folder", metavar="DIR", required=False, type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(target_names()),
    help="What to write.",
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="NAME",
    help="Only this run; may be given several times.",
)
@click.option(
    "--view",
    "views",
    multiple=True,
    metavar="VIEW",
    help="Which views parquet, csv and jsonl write; may be given several times. Default: "
    + ", ".join(DEFAULT_VIEWS)
    + ".",
)
@click.option(
    "--server",
    metavar="URL",
    help="With --to mlflow: send to the MLflow server at this address; no DIR then.",
)
@db_option
@format_option
def command(
    folder: Path | None,
    target: str,
    runs: tuple[str, ...],
    views: tuple[str, ...],
    server: str | None,
    db: Path | None,
    form: Format,
) -> int:
    """Write what is in the database to DIR, in the form that another tool reads.

    Exporting again replaces what was exported; nothing is ever there twice.

    \b
      tensorboard   DIR/RUN/clipstore/: clip/mean with its interval and quantiles at the trainer's
                    steps, and the verdict as text. With the folder that holds the runs as DIR,
                    tensorboard --logdir DIR draws them beside the loss.
      parquet       VIEW.parquet, a file per view
      csv           VIEW.csv; text that a spreadsheet would run as a formula gets an apostrophe
      jsonl         VIEW.jsonl
      wandb         DIR/wandb/offline-run-…, to be sent with `wandb sync`; nothing connects
      mlflow        DIR/mlflow.db, for mlflow ui --backend-store-uri sqlite:///DIR/mlflow.db;
                    with --server URL runs on that server
      trackio       DIR/trackio/clipstore.db, for TRACKIO_DIR=DIR/trackio trackio show
    """
    if server is not None and target not in SENDING:
        raise click.UsageError(f"--server goes with --to {' or '.join(SENDING)} only.")
    if (folder is None) == (server is None):
        raise click.UsageError("Say where to: either DIR or, with --to mlflow, --server URL.")
    chosen = load_target(target)
    request = ExportRequest(folder or Path(), runs, views or DEFAULT_VIEWS, server)
    with open_current(default_store_path(db)) as reader:
        done = chosen.export(reader, request)
    console = result_console()
    if form == "table":
        for each in done:
            line = f"{visible_text(each.place)}: {each.what}"
            console.print(line, markup=False, soft_wrap=True)
    else:
        rows = [{"place": each.place, "what": each.what} for each in done]
        print_rows(rows, ("place", "what"), form, console)
    return 0
