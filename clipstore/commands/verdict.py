"""`clipstore verdict`: stop, keep, look by eye, or cannot tell yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.analysis.picturesfromstore import with_pictures
from clipstore.analysis.rules import Rules
from clipstore.analysis.tostore import keep_verdicts, verdict_news
from clipstore.findings import Verdict
from clipstore.options import db_option, format_option, message_console, result_console
from clipstore.output import Format, print_rows, visible_text
from clipstore.storage.store import default_store_path, open_current

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away, not when one is added. The fields are those
of `findings.Verdict`, each explained there and in `picturefindings`."""
RUNS_NAMED = 3
"""Runs named before a message about their pictures; the machine forms name all."""
TABLE_COLUMNS = ("run", "verdict", "clip/mean", "location", "plateau", "since step", "validations")


@click.command("verdict")
@click.argument("runs", nargs=-1)
@click.option(
    "--pictures/--no-pictures",
    default=None,
    help="Compare the pictures by their stored vectors, or not. Default: when it takes seconds.",
)
@db_option
@format_option
def command(runs: tuple[str, ...], pictures: bool | None, db: Path | None, form: Format) -> int:
    """Say of every run (or only of RUNS) whether to stop it, with the reasons in numbers.

    There are four answers: abandon; in band: judge by eye; keep going; cannot tell yet. CLIP says
    how far pictures follow their prompts and nothing about their quality.
    """
    store = default_store_path(db)
    with open_current(store) as reader:
        verdicts = verdicts_from_reader(reader)
        news = verdict_news(reader, verdicts, Rules(), store, datetime.now(UTC))
        unknown = sorted(set(runs) - {verdict.run for verdict in verdicts})
        if unknown:
            raise click.UsageError(
                f"no scored run named {', '.join(unknown)}; see `clipstore runs` for the names."
            )
        chosen, left_alone = with_pictures(
            reader, [v for v in verdicts if not runs or v.run in runs], asked=pictures
        )
    _tell_what_is_missing(chosen, left_alone)
    if (not_kept := keep_verdicts(store, news)) is not None:
        message_console().print(not_kept, markup=False)
    console = result_console()
    if form == "table":
        print_rows([_verdict_to_table_row(v) for v in chosen], TABLE_COLUMNS, form, console)
        for verdict in chosen:
            console.print(f"\n{visible_text(verdict.run)}: {verdict.verdict}", markup=False)
            looks = [note.text for note in verdict.pictures.notes] if verdict.pictures else []
            for sentence in (
                *verdict.reasons,
                *filter(None, [verdict.what_it_would_take]),
                *map(visible_text, looks),
            ):
                console.print(f"  {sentence}", markup=False, soft_wrap=True)
            if verdict.notes:
                console.print(f"  notes: {', '.join(verdict.notes)}", markup=False)
    else:
        rows = [verdict_to_row(verdict) for verdict in chosen]
        columns = tuple(field.name for field in dataclasses.fields(Verdict))
        print_rows(rows, ("schema_version", *columns), form, console)
    return 0


def verdict_to_row(verdict: Verdict) -> dict[str, object]:
    """The machine form: every field of `findings.Verdict`, and the version of that form."""
    return {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(verdict)}


def _tell_what_is_missing(verdicts: Sequence[Verdict], left_alone: str | None) -> None:
    messages = message_console()
    runs_by_sentence: dict[str, list[str]] = {}
    for verdict in verdicts:
        for sentence in verdict.pictures.missing if verdict.pictures else ():
            runs_by_sentence.setdefault(sentence, []).append(verdict.run)
    for sentence, names in runs_by_sentence.items():
        named = ", ".join(names[:RUNS_NAMED]) + (" …" if len(names) > RUNS_NAMED else "")
        messages.print(visible_text(f"{named}: {sentence}"), markup=False)
    if left_alone is not None:
        messages.print(left_alone, markup=False)


def _verdict_to_table_row(verdict: Verdict) -> dict[str, object]:
    plateau = verdict.plateau
    level = None
    if plateau.level is not None and plateau.level_low is not None:
        level = f"{plateau.level:.3f} ±{plateau.level - plateau.level_low:.3f}"
    return {
        "run": verdict.run,
        "verdict": verdict.verdict,
        "clip/mean": level,
        "location": plateau.location.lower().replace("_", " "),
        "plateau": plateau.status.replace("_", " "),
        "since step": plateau.onset_step,
        "validations": verdict.n_validations,
    }
