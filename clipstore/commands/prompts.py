"""`clipstore prompts`: which prompts of a run rose or fell, one by one or by tag."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
from rich.console import Console

from clipstore.analysis.allrules import AllRules
from clipstore.analysis.fromstore import prompt_reports_in_store
from clipstore.analysis.phrases import change_text, cosine_text, count_text
from clipstore.analysis.rulesfile import changed_rules, changed_rules_text
from clipstore.options import db_option, format_option, result_console, rules_option
from clipstore.output import Format, print_rows, print_table, visible_text
from clipstore.promptfindings import PromptChange, PromptReport, Reference, TagChange
from clipstore.storage.store import default_store_path

SCHEMA_VERSION = 1
PROMPT_COLUMNS = ("prompt", "verdict", "change", "q", "now", "before", "trend", "flags", "text")
TAG_COLUMNS = ("value", "verdict", "change", "p (Holm)", "now", "before", "prompts", "flagged")
HEAD_COLUMNS = (
    "schema_version",
    "changed_rules",
    "run",
    "model",
    "against",
    "against_step",
    "in_band",
)
MAX_TEXT = 60
FLAG_WORDS = {
    "TRUNCATED": "truncated: CLIP read only the beginning of these texts",
    "ASKS_FOR_WORDS": "asks for words: CLIP reads words in a picture as if they were the thing",
}


@click.command("prompts")
@click.argument("run")
@click.option("--by", "tag", metavar="TAG", help="Prompts together by this tag, as category.")
@click.option(
    "--against",
    "reference",
    type=click.Choice(["base", "first"]),
    help="Base model or first validation. Default: the base model where it has pictures.",
)
@click.option("--model", metavar="NAME", help="Only scores of this CLIP model.")
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Prompts that a table shows from either end. Other formats give all.",
)
@rules_option
@db_option
@format_option
def command(
    run: str,
    tag: str | None,
    reference: Reference | None,
    model: str | None,
    rows: int,
    rules: AllRules,
    db: Path | None,
    form: Format,
) -> int:
    """Show which prompts of RUN rose and fell, each against its own earlier number.

    A prompt's number by itself says nothing: fine pictures can score .14 and poor ones .39. This is
    a list of where to look first.
    """
    reports = prompt_reports_in_store(default_store_path(db), run, model, reference, rules)
    if tag is not None:
        known = sorted({each.tag for report in reports for each in report.tags})
        if tag not in known:
            listed = f"Their tags: {', '.join(known)}." if known else "They have no tags at all."
            raise click.UsageError(
                f"no prompt of {run} has a tag {tag!r}. {listed} Tags are the further fields of "
                "the prompt file that was ingested."
            )
    console = result_console()
    if form == "table":
        for report in reports:
            _print_report(report, tag, rows, console)
        if (changed := changed_rules_text(rules)) is not None:
            console.print(changed, markup=False, soft_wrap=True)
        return 0
    finding = PromptChange if tag is None else TagChange
    columns = (*HEAD_COLUMNS, *(field.name for field in dataclasses.fields(finding)))
    print_rows(
        [row for report in reports for row in _report_to_rows(report, tag, rules)],
        columns,
        form,
        console,
    )
    return 0


def _report_to_rows(
    report: PromptReport, tag: str | None, rules: AllRules
) -> list[dict[str, object]]:
    head: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "changed_rules": [dataclasses.asdict(each) for each in changed_rules(rules)],
        "run": report.run,
        "model": report.model,
        "against": report.reference,
        "against_step": report.reference_step,
        "in_band": report.in_band,
    }
    if tag is None:
        return [head | dataclasses.asdict(each) for each in report.prompts]
    return [head | dataclasses.asdict(each) for each in report.tags if each.tag == tag]


def _print_report(report: PromptReport, tag: str | None, n_rows: int, console: Console) -> None:
    def line(text: str) -> None:
        console.print(visible_text(text), markup=False, soft_wrap=True)

    before = "the base model"
    if report.reference_step is not None:
        before = f"step {report.reference_step:,}"
    steps = f"step {report.steps[0]:,}" if report.steps else "nothing"
    if len(report.steps) > 1:
        steps = f"steps {report.steps[0]:,} to {report.steps[-1]:,}"
    line(f"{report.run} ({report.model}): {steps} against {before}")
    if report.in_band:
        line("Both means may be in the band: what follows says where to look, not what is better.")
    if tag is not None:
        values = [each for each in report.tags if each.tag == tag]
        print_table([_tag_to_cells(each) for each in values], TAG_COLUMNS, console)
        return
    rose = [each for each in report.prompts if each.verdict == "rose"]
    fell = [each for each in report.prompts if each.verdict == "fell"]
    line(
        f"{len(fell):,} of {count_text(len(report.prompts), 'prompt')} fell, {len(rose):,} rose; "
        f"of these at most {report.false_discovery_rate:.0%} are expected to be chance."
    )
    shown = list(report.prompts)
    if len(shown) > 2 * n_rows:
        changed = [each for each in report.prompts if each.change is not None]
        shown = [*changed[:n_rows], *changed[-n_rows:]]
    print_table([_prompt_to_cells(each) for each in shown], PROMPT_COLUMNS, console)
    for flag, words in FLAG_WORDS.items():
        if any(flag in each.flags for each in shown):
            line(words)
    line("The largest changes are partly luck: new pictures will mostly show smaller ones.")


def _prompt_to_cells(each: PromptChange) -> dict[str, object]:
    text = each.text if len(each.text) <= MAX_TEXT else each.text[: MAX_TEXT - 1] + "…"
    return {
        "prompt": each.prompt_id,
        "verdict": each.verdict,
        "change": _with_interval(each.change, each.low, each.high),
        "q": None if each.q_value is None else f"{each.q_value:.2g}",
        "now": cosine_text(each.level),
        "before": None if each.reference is None else cosine_text(each.reference),
        "trend": _with_interval(each.trend, each.trend_low, each.trend_high),
        "flags": ", ".join(flag.lower().replace("_", " ") for flag in each.flags),
        "text": text,
    }


def _tag_to_cells(each: TagChange) -> dict[str, object]:
    return {
        "value": each.value,
        "verdict": each.verdict,
        "change": _with_interval(each.change, each.low, each.high),
        "p (Holm)": None
        if each.p_holm is None or each.verdict == "judge by eye"
        else f"{each.p_holm:.2g}",
        "now": None if each.level is None else cosine_text(each.level),
        "before": None if each.reference is None else cosine_text(each.reference),
        "prompts": each.n_prompts,
        "flagged": each.n_flagged,
    }


def _with_interval(value: float | None, low: float | None, high: float | None) -> str | None:
    if value is None:
        return None
    if low is None or high is None:
        return change_text(value)
    return f"{change_text(value)} ({change_text(low)} … {change_text(high)})"
