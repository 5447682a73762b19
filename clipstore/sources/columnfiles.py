"""CSV, TSV, JSONL and Parquet to columns of text, with the place of every row in its file.

Invariant: a row is here or in `refused`, with the number that an editor shows for it (Parquet: its
place from 1). Nothing is guessed from values: every cell is text, whoever reads it says what it is.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clipstore.errors import ImportRefused, PathMissing
from clipstore.sources.textfiles import Unreadable, bytes_to_text

FORMS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True)
class RefusedRow:
    """A row that was left out."""

    place: int
    """Line of the file, from 1; for Parquet the row."""
    reason: str
    """A short fixed code that counts are grouped by."""
    detail: str


@dataclass(frozen=True)
class ColumnFile:
    """The rows that could be read."""

    path: Path
    frame: pl.DataFrame
    """`place` Int64, then the file's columns as text, names in lower case; null where empty."""
    refused: tuple[RefusedRow, ...]

    @property
    def unit(self) -> str:
        """What `place` counts."""
        return "row" if self.path.suffix.lower() == ".parquet" else "line"

    @property
    def columns(self) -> list[str]:
        return self.frame.columns[1:]


def read_columns(path: Path) -> ColumnFile:
    """Raises `PathMissing`, or `ImportRefused` when the file as a whole cannot be read."""
    if not path.is_file():
        raise PathMissing(path, "a file to import")
    suffix = path.suffix.lower()
    if suffix not in FORMS:
        raise ImportRefused(path, f"its name must end in one of {', '.join(FORMS)}.")
    if suffix == ".parquet":
        return _read_parquet(path)
    try:
        text = bytes_to_text(path.read_bytes())
    except (Unreadable, OSError) as error:
        raise ImportRefused(path, f"{error}.") from None
    if suffix in (".jsonl", ".ndjson"):
        return _read_json_lines(path, text)
    return _read_table(path, text, "\t" if suffix == ".tsv" else ",")


def _read_parquet(path: Path) -> ColumnFile:
    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ImportRefused(path, f"it cannot be read: {str(error).splitlines()[0]}.") from None
    frame.columns = _plain_names(path, frame.columns)
    try:
        frame = frame.select(pl.all().cast(pl.String))
    except pl.exceptions.PolarsError:
        nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
        raise ImportRefused(path, f"its column {', '.join(nested)} holds lists.") from None
    return ColumnFile(path, _with_place(frame, range(1, frame.height + 1)), ())


def _read_table(path: Path, text: str, delimiter: str) -> ColumnFile:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    refused: list[RefusedRow] = []
    places: list[int] = []
    rows: list[list[str]] = []
    names: list[str] | None = None
    last = 0
    try:
        for cells in reader:
            place, last = last + 1, reader.line_num  # a quoted cell may span lines
            if not any(cells):
                continue
            if names is None:
                names = _plain_names(path, cells)
            elif len(cells) == len(names):
                places.append(place)
                rows.append(cells)
            else:
                told = f"it has {len(cells)} cells, the first line {len(names)}"
                refused.append(RefusedRow(place, "cells", told))
    except csv.Error as error:
        raise ImportRefused(path, f"line {reader.line_num}: {error}.") from None
    if names is None:
        raise ImportRefused(path, "it is empty.")
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    frame = pl.DataFrame(
        dict(zip(names, map(list, columns), strict=True)), schema=dict.fromkeys(names, pl.String)
    )
    empty_to_null = pl.when(pl.all().str.strip_chars() != "").then(pl.all())
    return ColumnFile(path, _with_place(frame.select(empty_to_null), places), tuple(refused))


def _read_json_lines(path: Path, text: str) -> ColumnFile:
    refused: list[RefusedRow] = []
    places: list[int] = []
    rows: list[dict[str, str | None]] = []
    for place, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            refused.append(RefusedRow(place, "json", f"it is not JSON ({error})"))
            continue
        if not isinstance(value, dict):
            refused.append(RefusedRow(place, "json", "it is not a JSON object"))
            continue
        places.append(place)
        rows.append(_value_to_cells(value))
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names},
        schema=dict.fromkeys(names, pl.String),
    )
    return ColumnFile(path, _with_place(frame, places), tuple(refused))


def _value_to_cells(value: Mapping[str, object]) -> dict[str, str | None]:
    cells: dict[str, str | None] = {}
    for key, item in value.items():
        text = item if isinstance(item, str | None) else json.dumps(item, ensure_ascii=False)
        cells[key.strip().lower()] = text
    return cells


def _plain_names(path: Path, names: list[str]) -> list[str]:
    plain = [name.strip().lower() for name in names]
    for name in plain:
        if not name or plain.count(name) > 1 or name == "place":
            what = (
                f"two columns named {name!r}"
                if name and name != "place"
                else ("a column without a name" if not name else "a column named 'place'")
            )
            raise ImportRefused(path, f"it has {what}.")
    return plain


def _with_place(frame: pl.DataFrame, places: list[int] | range) -> pl.DataFrame:
    return frame.select(pl.Series("place", list(places), pl.Int64), pl.all())
