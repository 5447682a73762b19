"""`clipstore verdict`: stop, keep, look by eye, or cannot tell yet."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from clipstore.analysis.fromstore import verdicts_in_store
from clipstore.findings import Verdict
from clipstore.options import db_option, format_option, result_console
from clipstore.output import Format, print_rows, visible_text
from clipstore.storage.store import default_store_path

SCHEMA_VERSION = 1
TABLE_COLUMNS = ("run", "verdict", "clip/mean", "location", "plateau", "since step", "validations")


@click.command("verdict")
@click.argument("runs", nargs=-1)
@db_option
@format_option
def command(runs: tuple[str, ...], db: Path | None, form: Format) -> int:
    """Say of every run (or only of RUNS) whether to stop it, with the reasons in numbers.

    There are four answers: abandon; in band: judge by eye; keep going; cannot tell yet. CLIP says
    how far pictures follow their prompts and nothing about their quality.
    """
    verdicts = verdicts_in_store(default_store_path(db))
    unknown = sorted(set(runs) - {verdict.run for verdict in verdicts})
    if unknown:
        raise click.UsageError(
            f"no scored run named {', '.join(unknown)}; see `clipstore runs` for the names."
        )
    chosen = [verdict for verdict in verdicts if not runs or verdict.run in runs]
    console = result_console()
    if form == "table":
        print_rows([_verdict_to_table_row(v) for v in chosen], TABLE_COLUMNS, form, console)
        for verdict in chosen:
            console.print(f"\n{visible_text(verdict.run)}: {verdict.verdict}", markup=False)
            for sentence in (*verdict.reasons, *filter(None, [verdict.what_it_would_take])):
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
