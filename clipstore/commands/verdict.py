"""`clipstore verdict`: stop, keep, look by eye, or cannot tell yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import click

from clipstore.analysis.allrules import AllRules
from clipstore.analysis.fromstore import verdicts_from_reader
from clipstore.analysis.phrases import cosine_text
from clipstore.analysis.picturesfromstore import with_pictures
from clipstore.analysis.rulesfile import changed_rules, changed_rules_text
from clipstore.analysis.tostore import keep_news, verdict_news
from clipstore.findings import Label, Verdict
from clipstore.options import (
    db_option,
    format_option,
    message_console,
    planned_steps_option,
    result_console,
    rules_option,
)
from clipstore.output import Format, print_rows, visible_text
from clipstore.storage.store import default_store_path, open_current

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away, not when one is added. The fields are those
of `findings.Verdict`, each explained there and in `picturefindings`."""
EXIT_VERDICT = 4
FAIL_ON: Mapping[str, Label] = MappingProxyType(
    {
        "abandon": "abandon",
        "in-band": "in band: judge by eye",
        "cannot-tell": "cannot tell yet",
        "keep-going": "keep going",
    }
)
"""What --fail-on calls the verdicts."""
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
@click.option(
    "--fail-on",
    type=click.Choice(list(FAIL_ON)),
    multiple=True,
    help="Exit with code 4 when a run (of RUNS) has this verdict; may be given several times.",
)
@planned_steps_option
@rules_option
@db_option
@format_option
def command(
    runs: tuple[str, ...],
    pictures: bool | None,
    fail_on: tuple[str, ...],
    planned_steps: int | None,
    rules: AllRules,
    db: Path | None,
    form: Format,
) -> int:
    """Say of every run (or only of RUNS) whether to stop it, with the reasons in numbers.

    There are four answers: abandon; in band: judge by eye; keep going; cannot tell yet. CLIP says
    how far pictures follow their prompts and nothing about their quality.
    """
    store = default_store_path(db)
    with open_current(store) as reader:
        verdicts = verdicts_from_reader(reader, rules.verdict, planned_steps, compare=rules.compare)
        news = verdict_news(reader, verdicts, rules, datetime.now(UTC))
        unknown = sorted(set(runs) - {verdict.run for verdict in verdicts})
        if unknown:
            raise click.UsageError(
                f"no scored run named {', '.join(unknown)}; see `clipstore runs` for the names."
            )
        chosen, left_alone = with_pictures(
            reader,
            [v for v in verdicts if not runs or v.run in runs],
            asked=pictures,
            rules=rules.pictures,
        )
    _tell_what_is_missing(chosen, left_alone)
    for told in filter(None, (keep_news(store, news).told, news.left_out)):
        message_console().print(visible_text(told), markup=False)
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
        for sentence in filter(None, [_jitter_text(verdicts), changed_rules_text(rules)]):
            console.print(f"\n{sentence}", markup=False, soft_wrap=True)
    else:
        rows = [verdict_to_row(verdict, rules) for verdict in chosen]
        columns = tuple(field.name for field in dataclasses.fields(Verdict))
        print_rows(rows, ("schema_version", "changed_rules", *columns), form, console)
    wanted = {FAIL_ON[name] for name in fail_on}
    return EXIT_VERDICT if any(verdict.verdict in wanted for verdict in chosen) else 0


def verdict_to_row(verdict: Verdict, rules: AllRules) -> dict[str, object]:
    """The machine form: every field of `findings.Verdict`, the version of that form, and the rules
    that are not the usual ones."""
    changed = [dataclasses.asdict(each) for each in changed_rules(rules)]
    return {
        "schema_version": SCHEMA_VERSION,
        "changed_rules": changed,
        **dataclasses.asdict(verdict),
    }


def _jitter_text(verdicts: Sequence[Verdict]) -> str | None:
    pooled = {v.model: v.store_jitter for v in verdicts if v.store_jitter is not None}
    if not pooled:
        return None
    listed = "; ".join(f"{cosine_text(sd)} with {model}" for model, sd in sorted(pooled.items()))
    return visible_text(
        f"Checkpoint jitter, the SD by which one checkpoint moves all prompts together, over all "
        f"runs: {listed}. More prompts do not average it out."
    )


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
