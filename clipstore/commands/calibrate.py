"""`clipstore calibrate`: the band of your own CLIP model, from pictures and their texts."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from clipstore.analysis.allrules import AllRules
from clipstore.analysis.rulesfile import changed_rules, changed_rules_text
from clipstore.analysis.tostore import judge_and_keep
from clipstore.commands.ingest import EXAMPLES_PER_REASON
from clipstore.model.bands import BAND_FILE, write_band
from clipstore.modelidentity import Band, Model
from clipstore.options import (
    db_option,
    format_option,
    message_console,
    model_options,
    result_console,
    rules_option,
)
from clipstore.output import Format, print_rows, visible_text
from clipstore.pipeline.calibrate import (
    DEFAULT_LIMIT,
    CalibrationReport,
    calibrate_pairs,
    spool_calibration,
)
from clipstore.sources.pairs import list_pairs
from clipstore.storage.store import default_store_path, merge_parts
from clipstore.types import Problem

MERGE_WAIT_S = 2.0


@click.command("calibrate")
@click.option(
    "--pairs",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with pictures and a .txt of the same name beside each, or a CSV, TSV or JSONL "
    "file with file_name and prompt.",
)
@model_options
@click.option(
    "--limit",
    type=click.IntRange(min=2),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="At most this many pairs, evenly spread.",
)
@click.option(
    "--write-beside-weights",
    "beside",
    is_flag=True,
    help=f"Also write {BAND_FILE} into the folder of a local model: every database then has it.",
)
@rules_option
@db_option
@format_option
def command(
    pairs: Path,
    model: str,
    device: str,
    offline: bool,
    allow_pickle: bool,
    limit: int,
    beside: bool,
    rules: AllRules,
    db: Path | None,
    form: Format,
) -> int:
    """Measure a CLIP model's band: where "poor" ends, and from where an eye must judge.

    It takes clean pictures that show what their text says, of the kind of your validation prompts:
    a captioned training set will do, a trainer's composites will not. The level of these true
    pairs and that of the same pictures with each other's texts make the band. It is kept in the
    database, and every verdict there on scores of this model uses it; nothing is scored again.
    """
    messages = message_console()
    if beside and not Path(model).expanduser().is_dir():
        raise click.UsageError(
            f"--write-beside-weights needs a model in a folder of yours, and {model} is none."
        )
    listing = list_pairs(pairs)

    # torch takes a second to import: only after everything that can fail without it.
    from clipstore.model.embed import load_clip  # noqa: PLC0415

    embedder = load_clip(
        model,
        device=device,
        offline=offline,
        allow_pickle=allow_pickle,
        announce=lambda text: messages.print(text, markup=False),
    )
    with _progress(messages) as bar:
        task = bar.add_task("", total=None)
        report = calibrate_pairs(
            listing,
            embedder,
            limit=limit,
            rules=rules.calibration,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _print_problems(report.problems, messages)
    store = default_store_path(db)
    calibration = report.calibration
    spool_calibration(store, embedder.model, calibration, pairs=pairs, at=datetime.now(UTC))
    merge = merge_parts(store, wait_seconds=MERGE_WAIT_S)
    if merge.n_parts_waiting:
        messages.print(
            f"the database {store} is held by {merge.holder or 'another program'}: the band waits "
            "beside it, and the next clipstore command brings it in.",
            markup=False,
        )
    else:
        not_renewed = judge_and_keep(store, datetime.now(UTC))
        if not_renewed is not None:
            messages.print(not_renewed, markup=False)
    if beside:
        path = write_band(
            Path(model).expanduser(),
            calibration.band,
            embedder.model.weights_sha256,
            calibration.to_sentence(),
        )
        messages.print(f"wrote {path}", markup=False)
    if form == "table":
        lines = _lines(report, embedder.model, store)
        text = "\n".join([*lines, *filter(None, [changed_rules_text(rules)])])
        result_console().print(text, markup=False, soft_wrap=True)
    else:
        changed = [dataclasses.asdict(each) for each in changed_rules(rules)]
        row = {"changed_rules": changed, **_row(report, embedder.model, store)}
        print_rows([row], tuple(row), form, result_console())
    return 3 if report.problems else 0


def _progress(messages: Console) -> Progress:
    return Progress(
        "measuring",
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=messages,
        disable=not messages.is_terminal,
        transient=True,
    )


def _print_problems(problems: tuple[Problem, ...], messages: Console) -> None:
    for reason in sorted({problem.reason for problem in problems}):
        same = [problem for problem in problems if problem.reason == reason]
        messages.print(f"{len(same):,} not used ({reason}):", markup=False)
        for problem in same[:EXAMPLES_PER_REASON]:
            text = visible_text(f"{problem.path}: {problem.detail}")
            messages.print(f"  {text}", markup=False)
        if len(same) > EXAMPLES_PER_REASON:
            messages.print(f"  … and {len(same) - EXAMPLES_PER_REASON:,} more", markup=False)


def _lines(report: CalibrationReport, model: Model, store: Path) -> list[str]:
    """What was found, in words."""
    found, band = report.calibration, report.calibration.band
    left = f"; {report.n_left_out:,} more left out (--limit)" if report.n_left_out else ""
    lines = [
        f"{visible_text(model.name)}: {found.n_pairs:,} pairs with {found.n_texts:,} different "
        f"texts{left}",
        "",
        f"  chance level    {found.chance.mean:.3f}  ({found.chance.low:.3f} to "
        f"{found.chance.high:.3f}): pictures held against other pictures' texts",
        f"  true pairs      {found.true.mean:.3f}  ({found.true.low:.3f} to "
        f"{found.true.high:.3f}), SD {found.true_sd:.3f} from pair to pair",
        f"  poor below      {band.poor_below_cosine:.3f}  {found.rules.poor_share:.3f} of the way "
        "from chance to true pairs",
        f"  band            {band.low_cosine:.3f} to {band.high_cosine:.3f}  a run whose mean is "
        "here follows its prompts as true pairs do: judge by eye",
        "",
        f"{found.share_above_chance:.1%} of the pictures score higher with their own text than "
        "with others on average.",
    ]
    if found.is_wide:
        lines.append(
            f"These are few pairs: the level of true pairs is uncertain by "
            f"±{found.true.half_width:.3f}, so the band begins early and a run may be called in "
            f"band too soon. About {found.n_texts_wanted:,} different texts would do."
        )
    if report.n_truncated:
        lines.append(
            f"{report.n_truncated:,} texts are longer than the model reads and were cut, as the "
            "texts of runs are."
        )
    if model.band is not None:
        lines.append(
            f"The model came with a band ({_band_text(model.band)}); in this database the new one "
            "takes its place."
        )
    lines.append(f"Kept in {store}: verdicts on {visible_text(model.name)}'s scores use it now.")
    return lines


def _band_text(band: Band) -> str:
    return (
        f"poor below {band.poor_below_cosine:.3f}, band {band.low_cosine:.3f} to "
        f"{band.high_cosine:.3f}"
    )


def _row(report: CalibrationReport, model: Model, store: Path) -> dict[str, object]:
    """The machine form: every figure, cosines unrounded but for the edges."""
    found, band = report.calibration, report.calibration.band
    return {
        "model": model.name,
        "weights_sha256": model.weights_sha256,
        "n_pairs": found.n_pairs,
        "n_texts": found.n_texts,
        "n_left_out": report.n_left_out,
        "n_problems": len(report.problems),
        "n_skipped": len(report.skipped),
        "chance_cosine": found.chance.mean,
        "chance_low_cosine": found.chance.low,
        "chance_high_cosine": found.chance.high,
        "true_cosine": found.true.mean,
        "true_low_cosine": found.true.low,
        "true_high_cosine": found.true.high,
        "true_sd": found.true_sd,
        "share_above_chance": found.share_above_chance,
        "poor_below_cosine": band.poor_below_cosine,
        "band_low_cosine": band.low_cosine,
        "band_high_cosine": band.high_cosine,
        "is_wide": found.is_wide,
        "n_texts_wanted": found.n_texts_wanted,
        "db": str(store),
    }
