"""`clipstore ingest`: find runs, score what is new, keep it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from clipstore.analysis.tostore import judge_and_keep
from clipstore.model.vectors import DtypeChoice
from clipstore.options import (
    db_option,
    format_option,
    layout_option,
    message_console,
    model_options,
    pattern_option,
    prompts_option,
    read_user_prompts,
    result_console,
    scoring_options,
)
from clipstore.output import Format, print_rows, visible_text
from clipstore.pipeline.discover import outline
from clipstore.pipeline.identity import read_stored_models, settle_identity
from clipstore.pipeline.ingest import IngestOptions, IngestReport, ingest_surveyed
from clipstore.pipeline.logreading import LogsReport
from clipstore.pipeline.progress import IngestProgress
from clipstore.pipeline.stopping import StopSwitch, stop_on_signal
from clipstore.pipeline.survey import Survey, survey
from clipstore.pipeline.timings import IngestTimings
from clipstore.sources.pattern import PathPattern
from clipstore.storage.store import default_store_path

EXAMPLES_PER_REASON = 3


@click.command("ingest")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@model_options
@scoring_options
@prompts_option
@layout_option
@pattern_option
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this many scored files.")
@click.option("--rescore", is_flag=True, help="Score known files again, with today's prompts.")
@click.option("--no-logs", is_flag=True, help="Leave the trainers' logs unread.")
@click.option("--timings", is_flag=True, help="Say on stderr where the time went.")
@db_option
@format_option
def command(
    paths: tuple[Path, ...],
    model: str,
    device: str,
    dtype: DtypeChoice,
    offline: bool,
    allow_pickle: bool,
    prompts: Path | None,
    layout: str | None,
    pattern: PathPattern | None,
    workers: int | None,
    limit: int | None,
    rescore: bool,
    no_embeddings: bool,
    no_logs: bool,
    timings: bool,
    db: Path | None,
    form: Format,
) -> int:
    """Score the new pictures of all runs under PATHS.

    Run it as often as you like: known pictures are not scored again, and an interrupted ingest
    goes on where it stopped. Pictures still being written are left for the next time.
    """
    messages = message_console()
    texts = read_user_prompts(prompts, messages)
    surveys = [
        survey(outline(path, layout=layout, pattern=pattern, user_prompts=texts)) for path in paths
    ]
    for each in surveys:
        for advice in each.advice:
            messages.print(visible_text(advice), markup=False)

    # OpenMP's threads would spin while they wait, on the cores that the reading processes need:
    # measured on two busy cores, an ingest took three times the processor time. Read at torch's
    # import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # torch takes a second to import: only after everything that can fail without it.
    from clipstore.model.embed import load_clip  # noqa: PLC0415

    embedder = load_clip(
        model,
        device=device,
        dtype=dtype,
        offline=offline,
        allow_pickle=allow_pickle,
        expected_pictures=_count_pictures(surveys, limit),
        announce=lambda text: messages.print(text, markup=False),
    )
    options = IngestOptions(
        limit=limit, rescore=rescore, keep_embeddings=not no_embeddings, read_logs=not no_logs
    )
    if workers is not None:
        options = replace(options, workers=workers)
    store = default_store_path(db)
    embedder.model = settle_identity(
        embedder, read_stored_models(store), lambda text: messages.print(text, markup=False)
    )
    stop = StopSwitch()
    with stop_on_signal(stop) as received, IngestProgress(messages) as progress:
        report = ingest_surveyed(
            surveys,
            store,
            embedder,
            options,
            on_progress=progress.update,
            on_log=progress.update_log,
            stop=stop,
        )
    _print_report(report, store, form)
    if timings:
        _print_timings(report.timings)
    if received:
        return 128 + received[0]
    if report.n_scores and not report.merge.n_parts_waiting:
        not_renewed = judge_and_keep(store, datetime.now(UTC))
        if not_renewed is not None:
            message_console().print(not_renewed, markup=False)
    return 3 if report.tally.refused or report.tally.pending else 0


def _count_pictures(surveys: Sequence[Survey], limit: int | None) -> int:
    """How many pictures may go through the model; which of them are known is not known yet."""
    count = sum(each.n_pictures for each in surveys)
    return count if limit is None else min(count, limit)


def _print_report(report: IngestReport, store: Path, form: Format) -> None:
    messages = message_console()
    for reason in sorted({problem.reason for problem in report.problems}):
        same = [problem for problem in report.problems if problem.reason == reason]
        state = "pending" if same[0].pending else "refused"
        messages.print(f"{len(same):,} {state} ({reason}):", markup=False)
        for problem in same[:EXAMPLES_PER_REASON]:
            text = visible_text(f"{problem.path}: {problem.detail}")
            messages.print(f"  {text}", markup=False)
        if len(same) > EXAMPLES_PER_REASON:
            messages.print(f"  … all: clipstore query refused_files reason={reason}", markup=False)
    for rule, count in report.skipped_by_rule:
        messages.print(f"{count:,} skipped ({rule})", markup=False)
    for note in report.logs.notes:
        messages.print(visible_text(note), markup=False)
    for part in report.merge.quarantined:
        messages.print(
            f"a part of the spool could not be read and was put aside as {part}; the next ingest "
            "scores its pictures again.",
            markup=False,
        )
    if report.merge.n_parts_waiting:
        messages.print(
            f"{report.merge.n_scores_waiting:,} scores are safe in {store}.spool/ and not yet in "
            f"the database: it is held by {report.merge.holder or 'another program'}. "
            "The next clipstore command brings them in.",
            markup=False,
        )
    if report.interrupted:
        messages.print("stopped; the same command goes on from here.", markup=False)
    if form == "table":
        console = result_console()
        console.print(_closing_lines(report, store), markup=False, soft_wrap=True)
    else:
        row = {
            **{f"n_{state}": count for state, count in vars(report.tally).items()},
            "n_seen": report.tally.seen,
            "n_left": report.n_left,
            "n_scores": report.n_scores,
            "n_embedded": report.n_embedded,
            "n_logs": report.logs.n_files,
            "n_scalars": report.logs.n_scalars,
            "interrupted": report.interrupted,
            **{name: _rounded(value) for name, value in vars(report.timings).items()},
            "db": str(store),
        }
        print_rows([row], tuple(row), form, result_console())


def _print_timings(timings: IngestTimings) -> None:
    """One line for the main thread, one for what ran beside it."""
    messages = message_console()
    messages.print(
        f"{timings.wall_s:.1f} s: model {timings.model_s:.1f} ({timings.model_share:.0%}), waiting "
        f"for pixels {timings.pixels_s:.1f}, for the disk {timings.disk_s:.1f}, "
        f"other {timings.other_s:.1f}",
        markup=False,
    )
    where = {0: "in the main process", 1: "1 reading process"}.get(
        timings.n_readers, f"{timings.n_readers} reading processes"
    )
    messages.print(
        f"beside it, {where}: read {timings.read_s:.1f}, decode {timings.decode_s:.1f}, "
        f"cut {timings.cut_s:.1f}, resize {timings.resize_s:.1f}; "
        f"parts {timings.write_s:.1f}, merges {timings.merge_s:.1f}",
        markup=False,
    )


def _rounded(value: float) -> float:
    return round(value, 3)


def _closing_lines(report: IngestReport, store: Path) -> str:
    left = f"; {report.n_left:,} left for next time" if report.n_left else ""
    return (
        f"{report.tally.to_sentence()}{left}\n"
        f"{_count(report.n_scores, 'new score')} in {store} "
        f"({_count(report.n_embedded, 'picture')} went through the model)" + _logs_line(report.logs)
    )


def _logs_line(logs: LogsReport) -> str:
    if not logs.n_files:
        return ""
    pictures = f" and {_count(logs.n_pictures, 'picture')}" if logs.n_pictures else ""
    scalars = _count(logs.n_scalars, "new scalar")
    return f"\n{_count(logs.n_files, 'log')} read: {scalars}{pictures}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
