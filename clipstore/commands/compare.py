"""`clipstore compare`: which runs differ, which cannot be told apart, and why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click
from rich.console import Console

from clipstore.analysis.allrules import AllRules
from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.fromstore import comparisons_in_store
from clipstore.analysis.phrases import change_text, cosine_text
from clipstore.analysis.rulesfile import changed_rules, changed_rules_text
from clipstore.comparisons import (
    ComparedRun,
    Comparison,
    ComparisonSet,
    Group,
    Pair,
    Scope,
    ShakeUsed,
)
from clipstore.findings import BestCheckpoints
from clipstore.options import db_option, format_option, result_console, rules_option
from clipstore.output import Format, print_rows, print_table, visible_text
from clipstore.storage.store import default_store_path

SCHEMA_VERSION = 1
RUN_COLUMNS = ("run", "rank", "clip/mean", "location", "compared steps", "prompts", "ends")
PAIR_COLUMNS = ("run", "is", "than run", "difference", "p (Holm)", "prompts", "would show", "needs")
ROW_COLUMNS = (
    "schema_version",
    "changed_rules",
    "kind",
    "model",
    "scope",
    *dict.fromkeys(
        field.name
        for finding in (ComparedRun, Pair, Group, BestCheckpoints)
        for field in dataclasses.fields(finding)
    ),
)
MAX_PAIRS_SHOWN = 45
"""Pairs of ten runs; the other formats give all."""
MAX_STEPS_SHOWN = 20


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[RUN…]")
@click.option("--all", "all_runs", is_flag=True, help="Compare all runs in the database.")
@click.option("--model", metavar="NAME", help="Only scores of this CLIP model.")
@click.option(
    "--scope",
    type=click.Choice(["run", "checkpoint"]),
    default="run",
    show_default=True,
    help="run: which settings, averaging each run's flat end. checkpoint: which file to ship.",
)
@click.option(
    "--against-base", is_flag=True, help="Compare each run with its base model's pictures."
)
@click.option(
    "--step",
    "steps",
    multiple=True,
    metavar="RUN=N",
    help="Compare this validation of a run instead of its end.",
)
@click.option(
    "--detect",
    "wanted_difference",
    type=click.FloatRange(min=0, min_open=True),
    metavar="COSINE",
    help="Difference to count the needed prompts for. Default: 0.01.",
)
@rules_option
@db_option
@format_option
def command(
    runs: tuple[str, ...],
    all_runs: bool,
    model: str | None,
    scope: Scope,
    against_base: bool,
    steps: tuple[str, ...],
    wanted_difference: float | None,
    rules: AllRules,
    db: Path | None,
    form: Format,
) -> int:
    """Compare RUNS, paired by prompt: who is surely higher, and who cannot be told apart.

    Only prompts that both runs have are compared, and all pairs together are wrong anywhere with
    at most 5 %. In the band, where CLIP cannot rank, the answer is "judge by eye". One RUN alone:
    which of its checkpoints cannot be told from its best.
    """
    if bool(runs) == all_runs:
        raise click.UsageError("name the runs to compare, or pass --all.")
    options = CompareOptions(
        scope=scope,
        against_base=against_base,
        steps=tuple(_to_run_and_step(value) for value in steps),
        wanted_difference=wanted_difference,
    )
    found = comparisons_in_store(default_store_path(db), runs, model, options, rules)
    console = result_console()
    if form == "table":
        for comparison in found.comparisons:
            _print_comparison(comparison, rules, console)
        for apart in found.apart:
            told = f"{', '.join(apart.runs_a)} and {', '.join(apart.runs_b)}: not comparable, "
            console.print(visible_text(told + apart.reason) + ".", markup=False, soft_wrap=True)
        if (changed := changed_rules_text(rules)) is not None:
            console.print(changed, markup=False, soft_wrap=True)
    elif form == "json":
        rows = [_head(rules) | dataclasses.asdict(found)]
        columns = ("schema_version", "changed_rules", "comparisons", "apart")
        print_rows(rows, columns, form, console)
    else:
        print_rows(comparison_to_rows(found, rules), ROW_COLUMNS, form, console)
    return 0


def comparison_to_rows(found: ComparisonSet, rules: AllRules) -> list[dict[str, object]]:
    """One row per run, pair, group, set of best checkpoints, and pair of models apart."""
    rows: list[dict[str, object]] = []
    for each in found.comparisons:
        head = _head(rules) | {"model": each.model, "scope": each.scope}
        for kind, values in (
            ("run", each.runs),
            ("pair", each.pairs),
            ("group", each.groups),
            ("best checkpoints", each.best_checkpoints),
        ):
            rows += [head | {"kind": kind} | dataclasses.asdict(value) for value in values]
    for apart in found.apart:
        row = _head(rules) | {"kind": "models apart"}
        rows.append(row | dataclasses.asdict(apart))
    return rows


def _head(rules: AllRules) -> dict[str, object]:
    changed = [dataclasses.asdict(each) for each in changed_rules(rules)]
    return {"schema_version": SCHEMA_VERSION, "changed_rules": changed}


def _to_run_and_step(value: str) -> tuple[str, int]:
    run, equals, step = value.rpartition("=")
    if not equals or not run or not step.isascii() or not step.isdigit():
        raise click.UsageError(f"--step {value!r} is not RUN=N, as in --step my-run=2000.")
    return run, int(step)


def _print_comparison(each: Comparison, rules: AllRules, console: Console) -> None:
    def line(text: str) -> None:
        console.print(visible_text(text), markup=False, soft_wrap=True)

    line(f"{each.model}, scope {each.scope}. {each.scope_note}")
    if each.shake is not None:
        line(_shake_to_sentence(each.shake))
    print_table([_run_to_cells(run) for run in each.runs], RUN_COLUMNS, console)
    if each.pairs:
        shown = each.pairs[:MAX_PAIRS_SHOWN]
        console.print()
        print_table([_pair_to_cells(pair) for pair in shown], PAIR_COLUMNS, console)
        if len(shown) < len(each.pairs):
            line(f"{len(each.pairs) - len(shown):,} more pairs; --format jsonl gives all.")
        wanted = cosine_text(each.wanted_difference)
        line(
            f"would show: the difference that these data show with {rules.compare.power:.0%} "
            "chance, all pairs allowed for (with any number of prompts). needs: prompts that show "
            f"{wanted} in a pair alone."
        )
        for pair in shown:
            if pair.reason is not None:
                line(f"{pair.run_a} and {pair.run_b}: {pair.verdict}: {pair.reason}.")
    for group in each.groups:
        if len(group.runs) > 1:
            line(f"{group.label}: {', '.join(group.runs)}")
    for best in each.best_checkpoints:
        line(_best_to_sentence(best))
    console.print()


def _shake_to_sentence(shake: ShakeUsed) -> str:
    told = f"Single checkpoints shake all prompts together by {cosine_text(shake.sd)} (SD)"
    match shake.source:
        case "these runs":
            runs = "this run" if shake.n_runs == 1 else f"these {shake.n_runs} runs"
            return f"{told}, as the ends of {runs} show."
        case "the database":
            return f"{told}, as the runs of the database do."
        case "assumed":
            return (
                f"{told}: mostly an assumption, for these runs are too few, too short or have too "
                "few prompts to show it. Where they shake more, a difference may be chance."
            )


def _run_to_cells(run: ComparedRun) -> dict[str, object]:
    rank = None
    if run.rank_low is not None and run.rank_high is not None:
        rank = f"{run.rank_low}"
        if run.rank_high > run.rank_low:
            rank += f" to {run.rank_high}"
    level = None
    if run.level is not None and run.level_low is not None:
        level = f"{cosine_text(run.level)} ±{cosine_text(run.level - run.level_low)}"
    steps = None
    if run.steps:
        steps = f"{run.steps[0]:,}"
        if len(run.steps) > 1:
            steps += f"…{run.steps[-1]:,} ({len(run.steps)})"
    return {
        "run": run.run,
        "rank": rank,
        "clip/mean": level,
        "location": run.location.lower().replace("_", " "),
        "compared steps": steps,
        "prompts": run.n_prompts,
        "ends": run.plateau.replace("_", " "),
    }


def _pair_to_cells(pair: Pair) -> dict[str, object]:
    cells: dict[str, object] = {
        "run": pair.run_a,
        "is": "judge by eye" if pair.verdict == "not rankable by CLIP" else pair.verdict,
        "than run": pair.run_b,
        "prompts": pair.n_prompts,
    }
    if pair.difference is None or pair.low is None or pair.high is None:
        return cells
    low, high = change_text(pair.low), change_text(pair.high)
    cells["difference"] = f"{change_text(pair.difference)} ({low} … {high})"
    if pair.verdict == "not rankable by CLIP":
        # A p value or a number of prompts would promise a ranking that no number gives.
        return cells
    floor = f" ({cosine_text(pair.resolution_floor)})" if pair.resolution_floor else ""
    return cells | {
        "p (Holm)": f"{pair.p_holm:.2g}",
        "would show": f"{cosine_text(pair.resolution or 0)}{floor}",
        "needs": "no number" if pair.prompts_needed is None else f"{pair.prompts_needed:,}",
    }


def _best_to_sentence(best: BestCheckpoints) -> str:
    n_kept, n_all = len(best.steps), best.n_validations
    which = f"all {n_all}" if n_kept == n_all else f"{n_kept} of {n_all}"
    listed = [f"{step:,}" for step in best.steps[:MAX_STEPS_SHOWN]]
    listed += ["…"] if n_kept > MAX_STEPS_SHOWN else []
    steps = "" if n_kept == n_all else f": {', '.join(listed)}"
    if best.best_step is None:
        return f"{best.run}: {which} checkpoints may be in the band, judge them by eye{steps}"
    return (
        f"{best.run}: {which} checkpoints cannot be told from the best (highest mean at step "
        f"{best.best_step:,}){steps}"
    )
