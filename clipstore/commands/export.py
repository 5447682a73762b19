"""`clipstore export`: the scores into TensorBoard, W&B, MLflow, Parquet, CSV or JSONL."""

from __future__ import annotations

from pathlib import Path

import click

from clipstore.export.targets import DEFAULT_VIEWS, ExportRequest, load_target, target_names
from clipstore.options import db_option, format_option, result_console
from clipstore.output import Format, print_rows, visible_text
from clipstore.storage.store import default_store_path, open_current


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
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
@db_option
@format_option
def command(
    folder: Path,
    target: str,
    runs: tuple[str, ...],
    views: tuple[str, ...],
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
      mlflow        DIR/mlflow.db, for mlflow ui --backend-store-uri sqlite:///DIR/mlflow.db
    """
    chosen = load_target(target)
    request = ExportRequest(folder, runs, views or DEFAULT_VIEWS)
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
