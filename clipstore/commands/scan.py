"""`clipstore scan`: what would be scored and how it would be cut, without model and store."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
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
from clipstore.output import Format, print_rows, print_table, visible_text
from clipstore.pictures.panels import CutPicture, PanelReader
from clipstore.pipeline.discover import Discovery, discover
from clipstore.sources.pattern import PathPattern
from clipstore.types import Picture, Problem, RunContents

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
@prompts_option
@layout_option
@pattern_option
@format_option
def command(
    path: Path,
    prompts: Path | None,
    layout: str | None,
    pattern: PathPattern | None,
    form: Format,
) -> int:
    """Show what `ingest` would find under PATH: runs, pictures, panels, prompts, problems.

    Formats other than table print one row per picture and panel, or per problem.
    """
    console, messages = result_console(), message_console()
    texts = read_user_prompts(prompts, messages)
    found = discover(path, layout=layout, pattern=pattern, user_prompts=texts)
    rows = _discovery_to_rows(found)
    if form == "jsonl":
        n_problems = 0
        for row in rows:
            n_problems += _is_unscorable(row)
            console.file.write(json.dumps(row, ensure_ascii=False) + "\n")
    else:
        kept = list(rows)
        n_problems = sum(map(_is_unscorable, kept))
        if form == "table":
            print_table(_rows_per_run(found, kept), _RUN_COLUMNS, console)
            for line in _problem_lines(kept):
                console.print(line, markup=False)
        else:
            print_rows(kept, COLUMNS, form, console)
    for contents in found.runs:
        for advice in contents.advice:
            messages.print(f"{contents.run.name}: {advice}", markup=False)
    skipped = Counter(
        skip.rule for skip in (*found.skipped, *(s for run in found.runs for s in run.skipped))
    )
    if skipped:
        listed = ", ".join(f"{count:,} {rule}" for rule, count in sorted(skipped.items()))
        messages.print(f"skipped: {listed}", markup=False)
    return 3 if n_problems else 0


def _discovery_to_rows(found: Discovery) -> Iterator[Row]:
    for problem in found.problems:
        yield _problem_to_row(problem)
    reader = PanelReader()
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for contents in found.runs:
            yield from map(_problem_to_row, (p for p in contents.problems if p.picture is None))
            # A picture that only lacks its prompt's text is cut all the same: this is where users
            # see which pictures a prompt file would bring in.
            lacking = [p.picture for p in contents.problems if p.picture is not None]
            ahead: deque[tuple[Picture, Future[CutPicture | Problem]]] = deque()
            for picture in (*contents.pictures, *lacking):
                future = pool.submit(reader.read, picture, now_ns=time.time_ns())
                ahead.append((picture, future))
                if len(ahead) >= READ_AHEAD * workers:
                    yield from _cut_to_rows(contents, *_result(ahead))
            while ahead:
                yield from _cut_to_rows(contents, *_result(ahead))


def _result(
    ahead: deque[tuple[Picture, Future[CutPicture | Problem]]],
) -> tuple[Picture, CutPicture | Problem]:
    picture, future = ahead.popleft()
    return picture, future.result()


def _cut_to_rows(
    contents: RunContents, picture: Picture, cut: CutPicture | Problem
) -> Iterator[Row]:
    if isinstance(cut, Problem):
        yield _problem_to_row(cut)
        return
    text = next((p.text for p in contents.prompts if p.prompt_id == picture.prompt_id), None)
    notes = [*cut.notes, *(["no_prompt_text"] if text is None else [])]
    for panel in cut.panels:
        yield {
            "run": contents.run.name,
            "layout": contents.run.layout,
            "layout_reason": contents.run.layout_reason,
            "path": str(picture.path),
            "step": picture.step,
            "epoch": picture.epoch,
            "prompt_id": picture.prompt_id,
            "prompt": text,
            "image_index": picture.image_index,
            "panel": panel.panel,
            "box": list(panel.box),
            "crop_method": cut.cut.method,
            "crop_confidence": cut.cut.confidence,
            "notes": notes,
        }


def _is_unscorable(row: Row) -> bool:
    return "problem" in row or row["prompt"] is None


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


def _rows_per_run(found: Discovery, rows: list[Row]) -> list[Row]:
    panels = Counter((str(row["run"]), str(row["panel"])) for row in rows if "panel" in row)
    summary: list[Row] = []
    for contents in found.runs:
        lacking = [p.picture for p in contents.problems if p.picture is not None]
        pictures = [*contents.pictures, *lacking]
        steps = {picture.step for picture in pictures}
        counted = {panel: n for (run, panel), n in panels.items() if run == contents.run.name}
        summary.append(
            {
                "run": contents.run.name,
                "layout": contents.run.layout,
                "why": contents.run.layout_reason,
                "steps": len(steps),
                "last step": max(steps, default=None),
                "prompts": len({picture.prompt_id for picture in pictures}),
                "without text": len({picture.prompt_id for picture in lacking}),
                "pictures": len(pictures),
                "panels": ", ".join(f"{n} {panel}" for panel, n in sorted(counted.items())),
            }
        )
    return summary


def _problem_lines(rows: list[Row]) -> Iterator[str]:
    problems = [row for row in rows if "problem" in row]
    for reason, count in Counter(str(row["problem"]) for row in problems).most_common():
        example = next(row for row in problems if row["problem"] == reason)
        yield (
            f"{count:,} refused ({reason}): {visible_text(str(example['detail']))} "
            f"For example {visible_text(str(example['path']))}"
        )
