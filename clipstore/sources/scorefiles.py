"""Scores that were measured elsewhere: a file's rows to typed columns, or the reason why not.

Invariant: what leaves here is a raw cosine from -1 to 1 with an unambiguous key; a row that could
mean two things is refused with its place, never repaired.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clipstore.errors import ImportRefused
from clipstore.sources.columnfiles import ColumnFile, RefusedRow, read_columns
from clipstore.sources.textfiles import text_problem

REQUIRED = ("run", "step", "prompt_id", "score")
OPTIONAL = ("image_index", "prompt", "panel")
PANELS = ("only", "checkpoint", "base", "ema")
KEY = ("run", "step", "prompt_id", "image_index", "panel")
LARGEST_WHOLE = 2**53
"""Up to here a float holds every whole number."""
SCALES = (1.0, 100.0)
"""What trackers log: the cosine, or 100 times it."""


@dataclass(frozen=True)
class ScoreFile:
    """The rows of a file that can be stored, and those that cannot."""

    path: Path
    frame: pl.DataFrame
    """place, run, step, prompt_id, image_index, panel, prompt (null where not given), cosine."""
    refused: tuple[RefusedRow, ...]
    unit: str
    """What a place counts: line or row."""
    n_rows: int
    """All rows of the file: those of `frame` and the refused ones."""


@dataclass(frozen=True)
class RunFacts:
    """What a runs file says of one run."""

    run: str
    planned_steps: int | None
    config: tuple[tuple[str, object], ...]
    """Every other column that is not empty; numbers, true and false as such."""


def read_scores(path: Path, scale: float) -> ScoreFile:
    """Raises `PathMissing`, or `ImportRefused` when columns or the scale are wrong.

    `scale` is what the scores were multiplied by: 1 for cosines, 100 for 100 * cosine.
    """
    file = read_columns(path)
    _check_columns(file, REQUIRED, OPTIONAL)
    frame = _typed(file.frame)
    _check_scale(path, frame["score"].drop_nulls().drop_nans(), scale)
    frame = frame.with_columns(cosine=pl.col("score") / scale)
    judged = _with_reason(frame, file.frame["score"])
    refused = [
        RefusedRow(*row)
        for row in judged.filter(pl.col("reason").is_not_null())
        .select("place", "reason", "detail")
        .iter_rows()
    ]
    sound = judged.filter(pl.col("reason").is_null())
    kept, twice = _without_duplicates(sound, file.unit)
    everything = sorted([*file.refused, *refused, *twice], key=lambda row: row.place)
    columns = ("place", *KEY, "prompt", "cosine")
    return ScoreFile(
        path,
        kept.select(columns),
        tuple(everything),
        file.unit,
        file.frame.height + len(file.refused),
    )


def read_runs(path: Path) -> tuple[RunFacts, ...]:
    """One value per row. Raises `PathMissing`, or `ImportRefused` naming the first bad line:
    a runs file is short and made by hand, so it is put right, not half used."""
    file = read_columns(path)
    if "run" not in file.columns:
        raise ImportRefused(path, _missing(file, ("run",)))
    if file.refused:
        first = file.refused[0]
        raise ImportRefused(path, f"{file.unit} {first.place}: {first.detail}.")
    facts: dict[str, RunFacts] = {}
    for row in file.frame.iter_rows(named=True):
        place, run, planned = row.pop("place"), row.pop("run"), row.pop("planned_steps", None)
        if run is None or run in facts:
            why = "has no run" if run is None else f"names the run {run!r} again"
            raise ImportRefused(path, f"{file.unit} {place} {why}.")
        steps = _to_whole(planned)
        if planned is not None and not steps:
            raise ImportRefused(
                path, f"{file.unit} {place}: planned_steps {planned!r} is not a whole number."
            )
        config = tuple((key, _to_setting(cell)) for key, cell in row.items() if cell is not None)
        facts[run] = RunFacts(run, steps, config)
    return tuple(facts.values())


def _check_columns(file: ColumnFile, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    if not file.frame.height and not file.refused:
        raise ImportRefused(file.path, "it has no rows.")
    missing = tuple(name for name in required if name not in file.columns)
    if missing:
        raise ImportRefused(file.path, _missing(file, missing))
    unknown = [name for name in file.columns if name not in required + optional]
    if unknown:
        raise ImportRefused(
            file.path,
            f"unknown columns {', '.join(unknown)}. Remove or rename them; settings of a run "
            "belong into --runs.",
        )


def _missing(file: ColumnFile, missing: tuple[str, ...]) -> str:
    there = ", ".join(file.columns) or "none"
    return f"columns {', '.join(missing)} are missing; it has {there}."


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    there = set(frame.columns)
    index = pl.col("image_index") if "image_index" in there else pl.lit("0")
    panel = pl.col("panel").str.strip_chars() if "panel" in there else pl.lit("only")
    return frame.select(
        "place",
        pl.col("run", "prompt_id").str.strip_chars().replace("", None),
        _whole("step").alias("step"),
        _whole(index).alias("image_index"),
        panel.fill_null("only").alias("panel"),
        (pl.col("prompt") if "prompt" in there else pl.lit(None, pl.String)).alias("prompt"),
        pl.col("score").str.strip_chars().cast(pl.Float64, strict=False),
    )


def _whole(column: str | pl.Expr) -> pl.Expr:
    """Whole numbers from 0, also written "100.0" as Parquet's floats are; else null."""
    text = pl.col(column) if isinstance(column, str) else column
    number = text.str.strip_chars().cast(pl.Float64, strict=False)
    is_whole = (number >= 0) & (number < LARGEST_WHOLE) & (number == number.floor())
    return pl.when(is_whole).then(number).cast(pl.Int64)


def _with_reason(frame: pl.DataFrame, given: pl.Series) -> pl.DataFrame:
    """Adds `reason` and `detail`, null for sound rows."""
    bad_texts = [
        text
        for name in ("run", "prompt_id", "prompt")
        for text in frame[name].drop_nulls().unique().to_list()
        if text_problem(text) is not None
    ]
    bad_text = pl.any_horizontal(pl.col("run", "prompt_id", "prompt").is_in(bad_texts))
    shown = pl.lit(given).fill_null("").str.slice(0, 40)
    rules = (
        (pl.col("run").is_null(), "run", pl.lit("run is empty")),
        (pl.col("prompt_id").is_null(), "prompt_id", pl.lit("prompt_id is empty")),
        (pl.col("step").is_null(), "step", pl.lit("step is not a whole number from 0")),
        (
            pl.col("image_index").is_null(),
            "image_index",
            pl.lit("image_index is not a whole number from 0"),
        ),
        (
            ~pl.col("panel").is_in(PANELS),
            "panel",
            pl.format("panel {} is none of " + ", ".join(PANELS), "panel"),
        ),
        (bad_text.fill_null(value=False), "text", pl.lit("a text holds a character that is none")),
        (pl.col("score").is_null(), "score", pl.format("score '{}' is not a number", shown)),
        (~pl.col("score").is_finite(), "not_finite", pl.format("score {} is not finite", shown)),
        (
            pl.col("cosine").abs() > 1,
            "impossible",
            pl.format("score {} is no cosine from -1 to 1 on this scale", shown),
        ),
    )
    reason = pl.coalesce(pl.when(test).then(pl.lit(code)) for test, code, _ in rules)
    detail = pl.coalesce(pl.when(test).then(words) for test, _, words in rules)
    return frame.with_columns(reason=reason, detail=detail)


def _without_duplicates(frame: pl.DataFrame, unit: str) -> tuple[pl.DataFrame, list[RefusedRow]]:
    """Of rows that say the same thing twice the first is kept; where they contradict, none is."""
    counted = frame.with_columns(
        n=pl.len().over(KEY),
        first=pl.col("place").min().over(KEY),
        other=pl.col("place").max().over(KEY),
        n_said=pl.struct("cosine", "prompt").n_unique().over(KEY),
    )
    agrees = pl.col("n_said") == 1
    keep = (pl.col("n") == 1) | (agrees & (pl.col("place") == pl.col("first")))
    twice = counted.filter(~keep).with_columns(
        reason=pl.when(agrees).then(pl.lit("duplicate")).otherwise(pl.lit("contradiction")),
        detail=pl.when(agrees)
        .then(pl.format(f"the same as {unit} {{}}", "first"))
        .otherwise(
            pl.format(
                f"{unit}s {{}} and {{}} give one picture different scores or prompts",
                "first",
                "other",
            )
        ),
    )
    rows = twice.select("place", "reason", "detail").iter_rows()
    return counted.filter(keep), [RefusedRow(*row) for row in rows]


def _check_scale(path: Path, scores: pl.Series, scale: float) -> None:
    sizes = scores.filter(scores.is_finite()).abs()
    if sizes.is_empty():
        return
    usual, largest = float(str(sizes.median())), float(str(sizes.max()))
    if scale == 1 and usual > 1:
        hint = " It looks like 100·cosine: pass --scale 100." if usual <= 100 else ""
        raise ImportRefused(
            path, f"most scores are larger than 1 (half of them than {usual:g}).{hint}"
        )
    if scale > 1 and largest <= 1:
        raise ImportRefused(
            path,
            f"all scores lie between -1 and 1 already (the largest is {largest:g}): leave out "
            f"--scale {scale:g}.",
        )


def _to_whole(text: str | None) -> int | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return int(number) if number.is_integer() and 0 < number < LARGEST_WHOLE else None


def _to_setting(text: str) -> object:
    """Numbers, true, false and JSON lists as such; all else is text."""
    try:
        value: object = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    return value
