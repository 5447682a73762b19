"""`clipstore import`: scores that were measured elsewhere, into the same tables."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from clipstore.analysis.phrases import count_text
from clipstore.analysis.tostore import judge_and_keep
from clipstore.modelidentity import Band
from clipstore.options import db_option, format_option, message_console, result_console
from clipstore.output import Format, print_rows, visible_text
from clipstore.pipeline.importing import ImportReport, ImportRequest, import_scores
from clipstore.sources.scorefiles import read_runs, read_scores
from clipstore.storage.store import default_store_path

EXAMPLES_PER_REASON = 3


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--runs",
    "runs_file",
    type=click.Path(path_type=Path),
    help="What is known of the runs: run, planned_steps; every other column is a setting.",
)
@click.option(
    "--model", "model_name", required=True, metavar="ID", help="The CLIP model that measured."
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="What the cosines were multiplied by; 100 for torchmetrics' and trackers' values.",
)
@click.option(
    "--band",
    "band_text",
    metavar="POOR,LOW,HIGH",
    help="The model's band as cosines, for example 0.22,0.30,0.39.",
)
@db_option
@format_option
def command(
    file: Path,
    runs_file: Path | None,
    model_name: str,
    scale: float,
    band_text: str | None,
    db: Path | None,
    form: Format,
) -> int:
    """Import the scores in FILE: CSV, TSV, JSONL or Parquet with run, step, prompt_id, score and,
    if there are any, image_index, prompt, panel.

    They are kept as measured by "ID (imported)" and never mix with scores of our own. The same file
    twice adds nothing; a corrected file replaces.
    """
    if not model_name.strip():
        raise click.UsageError("--model is empty: name the CLIP model that measured the scores.")
    band = None if band_text is None else _to_band(band_text)
    runs = () if runs_file is None else read_runs(runs_file)
    request = ImportRequest(read_scores(file, scale), runs, model_name, scale, band)
    store = default_store_path(db)
    report = import_scores(store, request)
    _print_report(report, request, store, form)
    if report.n_imported and not report.merge.n_parts_waiting:
        not_renewed = judge_and_keep(store, datetime.now(UTC))
        if not_renewed is not None:
            message_console().print(not_renewed, markup=False)
    return 3 if report.refused else 0


def _to_band(text: str) -> Band:
    try:
        poor, low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise click.UsageError(
            f"--band {text!r} is not three numbers, as in 0.22,0.30,0.39."
        ) from None
    if not -1 <= poor <= low < high <= 1:
        raise click.UsageError(f"--band {text!r} must rise and lie within -1 to 1.")
    return Band(poor, low, high)


def _print_report(report: ImportReport, request: ImportRequest, store: Path, form: Format) -> None:
    messages = message_console()

    def say(text: str) -> None:
        messages.print(visible_text(text), markup=False)

    unit = request.scores.unit
    for reason, count in sorted(Counter(row.reason for row in report.refused).items()):
        say(f"{count:,} refused ({reason}):")
        same = [row for row in report.refused if row.reason == reason]
        for refusal in same[:EXAMPLES_PER_REASON]:
            say(f"  {unit} {refusal.place}: {refusal.detail}")
        if len(same) > EXAMPLES_PER_REASON:
            say("  … --format json lists all")
    if report.runs_without_scores:
        named = ", ".join(report.runs_without_scores)
        say(f"not stored, because {request.scores.path} has no score of them: {named}")
    if report.model.band is None:
        say(f"no band is known for {report.model.name}: pass --band POOR,LOW,HIGH if you know it")
    if report.merge.n_parts_waiting:
        say(
            f"{report.merge.n_scores_waiting:,} scores are safe in {store}.spool/ and not yet in "
            f"the database: it is held by {report.merge.holder or 'another program'}. The next "
            "clipstore command brings them in."
        )
    counts = {
        "n_rows": report.n_rows,
        "n_imported": report.n_imported,
        "n_known": report.n_known,
        "n_refused": len(report.refused),
    }
    if form == "table":
        line = (
            f"{report.n_rows:,} rows = {report.n_imported:,} imported + {report.n_known:,} known + "
            f"{len(report.refused):,} refused; "
            f"{count_text(len(report.runs), 'run')} of {report.model.name} in {store}"
        )
        result_console().print(visible_text(line), markup=False, soft_wrap=True)
        return
    refused = [
        {unit: refusal.place, "reason": refusal.reason, "detail": refusal.detail}
        for refusal in report.refused
    ]
    outcome: dict[str, object] = {
        **counts,
        "model": report.model.name,
        "runs": report.runs,
        "refused": refused,
        "db": str(store),
    }
    print_rows([outcome], tuple(outcome), form, result_console())
