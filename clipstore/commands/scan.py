"""`clipstore scan`: what would be scored and how it would be cut, without model and store."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import click

from clipstore.options import (
    format_option,
    layout_option,
    message_console,
    pattern_option,
    prompts_option,
    read_user_prompts,
    result_console,
)
from clipstore.output import Format, print_table, rows_to_lines, visible_text
from clipstore.pictures.panels import CutPicture, PanelReader
from clipstore.pipeline.discover import OUTSIDE_RULE, Outline, outline
from clipstore.pipeline.logscan import LogScanner, ScannedLog
from clipstore.pipeline.logstates import READ_RULE
from clipstore.sources.pattern import PathPattern
from clipstore.types import Picture, Problem, Run, RunContents

COLUMNS = (
    "run",
    "layout",
    "layout_reason",
    "path",
    "step",
    "epoch",
    "prompt_id",
    "prompt",
    "image_index",
    "panel",
    "box",
    "crop_method",
    "crop_confidence",
    "notes",
    "problem",
    "detail",
)
READ_AHEAD = 8
"""Pictures per thread that wait to be printed."""

Row = dict[str, object]


@click.command("scan")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--names-only", is_flag=True, help="Open no picture: what the names say, in seconds, uncut."
)
@click.option("--no-logs", is_flag=True, help="Leave the trainers' logs unread.")
@prompts_option
@layout_option
@pattern_option
@format_option
def command(
    path: Path,
    names_only: bool,
    no_logs: bool,
    prompts: Path | None,
    layout: str | None,
    pattern: PathPattern | None,
    form: Format,
) -> int:
    """Show what `ingest` would find under PATH: runs, pictures, panels, prompts, logs, problems.

    Formats other than table print one row per picture and panel, or per problem, as they come.
    """
    console, messages = result_console(), message_console()
    texts = read_user_prompts(prompts, messages)
    found = outline(path, layout=layout, pattern=pattern, user_prompts=texts)
    summary = _Summary(found)
    logs = None if no_logs or names_only else LogScanner(found)
    runs = found.runs() if logs is None else logs.runs()
    rows = _runs_to_rows(runs, found.problems, summary, names_only=names_only)
    if form == "table":
        deque(rows, maxlen=0)  # only what the summary keeps of them is shown
        print_table(summary.runs, _RUN_COLUMNS, console)
        for line in summary.problem_lines():
            console.print(line, markup=False)
    else:
        for text in rows_to_lines(rows, COLUMNS, form):
            console.file.write(text)
    if logs is not None:
        summary.add_logs(logs)
        for log in logs.logs:
            messages.print(visible_text(_log_line(log)), markup=False)
    for advice in summary.advice:
        messages.print(advice, markup=False)
    if summary.skipped:
        listed = ", ".join(f"{count:,} {rule}" for rule, count in sorted(summary.skipped.items()))
        messages.print(f"skipped: {listed}", markup=False)
        for rule, example in sorted(summary.skip_examples.items()):
            messages.print(visible_text(f"  {rule}: {example}"), markup=False)
    return 3 if summary.n_unscorable else 0


def _log_line(log: ScannedLog) -> str:
    tags = "tag" if log.n_tags == 1 else "tags"
    counts = [f"{log.n_scalars:,} scalars under {log.n_tags:,} {tags}"]
    counts += [f"{log.n_pictures:,} pictures"] if log.n_pictures else []
    counts += [f"{log.n_settings:,} settings"] if log.n_settings else []
    damage = f"; damaged: {log.damage[0]}" if log.damage else ""
    return f"{log.run}: log {log.path} ({log.source}): {', '.join(counts)}{damage}"


def _runs_to_rows(
    runs: Iterable[RunContents],
    outside: Iterable[Problem],
    summary: _Summary,
    *,
    names_only: bool,
) -> Iterator[Row]:
    """A row per panel or problem, each counted; no run is kept when its rows are out."""
    for problem in outside:
        yield summary.count(_problem_to_row(problem))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for contents in runs:
            summary.begin_run(contents)
            texts = {prompt.prompt_id: prompt.text for prompt in contents.prompts}
            for problem in contents.problems:
                if problem.picture is None:
                    yield summary.count(_problem_to_row(problem))
            if names_only:
                for picture in _pictures(contents):
                    yield summary.count(_name_to_row(contents.run, picture, texts))
            else:
                for picture, cut in _cuts(contents, pool):
                    for row in _cut_to_rows(contents.run, picture, cut, texts):
                        yield summary.count(row)
            summary.end_run()


def _cuts(
    contents: RunContents, pool: ThreadPoolExecutor
) -> Iterator[tuple[Picture, CutPicture | Problem]]:
    """Every picture with its cut, in order, some read ahead."""
    reader = PanelReader()
    ahead: deque[tuple[Picture, Future[CutPicture | Problem]]] = deque()
    for picture in _pictures(contents):
        ahead.append((picture, pool.submit(reader.read, picture, now_ns=time.time_ns())))
        if len(ahead) >= READ_AHEAD * (os.cpu_count() or 1):
            first, future = ahead.popleft()
            yield first, future.result()
    for picture, future in ahead:
        yield picture, future.result()


def _pictures(contents: RunContents) -> Iterator[Picture]:
    """Those that only lack their prompt's text too: this is where users see which pictures a
    prompt file would bring in."""
    yield from contents.pictures
    yield from (each.picture for each in contents.problems if each.picture is not None)


def _cut_to_rows(
    run: Run, picture: Picture, cut: CutPicture | Problem, texts: Mapping[str, str]
) -> Iterator[Row]:
    if isinstance(cut, Problem):
        yield _problem_to_row(cut)
        return
    known = _name_to_row(run, picture, texts)
    notes = [*cut.notes, *(["no_prompt_text"] if known["prompt"] is None else [])]
    for panel in cut.panels:
        yield {
            **known,
            "panel": panel.panel,
            "box": list(panel.box),
            "crop_method": cut.cut.method,
            "crop_confidence": cut.cut.confidence,
            "notes": notes,
        }


def _name_to_row(run: Run, picture: Picture, texts: Mapping[str, str]) -> Row:
    text = texts.get(picture.prompt_id)
    return {
        "run": run.name,
        "layout": run.layout,
        "layout_reason": run.layout_reason,
        "path": str(picture.path),
        "step": picture.step,
        "epoch": picture.epoch,
        "prompt_id": picture.prompt_id,
        "prompt": text,
        "image_index": picture.image_index,
        "panel": picture.panel,
        "notes": [*picture.notes, *(["no_prompt_text"] if text is None else [])],
    }


def _problem_to_row(problem: Problem) -> Row:
    return {
        "path": str(problem.path),
        "problem": problem.reason,
        "stage": problem.stage,
        "detail": problem.detail,
        "pending": problem.pending,
    }


_RUN_COLUMNS = (
    "run",
    "layout",
    "why",
    "steps",
    "last step",
    "prompts",
    "without text",
    "pictures",
    "panels",
)


class _Summary:
    """What the table says, counted as the rows pass."""

    def __init__(self, found: Outline) -> None:
        self.runs: list[Row] = []
        self.skipped = Counter(skip.rule for skip in found.skipped)
        self.skip_examples: dict[str, str] = {}
        """By rule one path with what the rule does not say, such as what it is a copy of."""
        self.advice: list[str] = []
        self.n_unscorable = 0
        self._panels: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, Row] = {}

    def begin_run(self, contents: RunContents) -> None:
        """Everything but the panels, which come with the rows."""
        pictures = list(_pictures(contents))
        steps = {picture.step for picture in pictures}
        lacking = [each.picture for each in contents.problems if each.picture is not None]
        self.runs.append(
            {
                "run": contents.run.name,
                "layout": contents.run.layout,
                "why": contents.run.layout_reason,
                "steps": len(steps),
                "last step": max(steps, default=None),
                "prompts": len({picture.prompt_id for picture in pictures}),
                "without text": len({picture.prompt_id for picture in lacking}),
                "pictures": len(pictures),
            }
        )
        for skip in contents.skipped:
            self.skipped[skip.rule] += 1
            if skip.detail and skip.rule not in self.skip_examples:
                self.skip_examples[skip.rule] = f"{skip.path}: {skip.detail}"
        self.advice += [f"{contents.run.name}: {advice}" for advice in contents.advice]

    def count(self, row: Row) -> Row:
        """The row, as it came."""
        if "problem" in row:
            reason = str(row["problem"])
            self._reasons[reason] += 1
            self._examples.setdefault(reason, row)
        else:
            self._panels[str(row["panel"])] += 1
        self.n_unscorable += "problem" in row or row["prompt"] is None
        return row

    def end_run(self) -> None:
        """The run's panels are all counted."""
        listed = (f"{count} {panel}" for panel, count in sorted(self._panels.items()))
        self.runs[-1]["panels"] = ", ".join(listed)
        self._panels.clear()

    def add_logs(self, logs: LogScanner) -> None:
        """What was outside of all runs by its name and belongs to one by its log."""
        self.skipped[OUTSIDE_RULE] -= logs.n_logs_outside + logs.n_pictures_outside
        self.skipped[READ_RULE] += logs.n_logs_outside
        self.skipped += Counter()  # drops what came to nothing

    def problem_lines(self) -> Iterator[str]:
        """A line per reason, with an example."""
        for reason, count in self._reasons.most_common():
            example = self._examples[reason]
            yield (
                f"{count:,} refused ({reason}): {visible_text(str(example['detail']))} "
                f"For example {visible_text(str(example['path']))}"
            )
