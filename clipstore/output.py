"""Rows to text in the formats every command shares: table, json, jsonl, csv, md.

Invariant: the same rows in every format; only `table` rounds and shortens for the eye. Nothing a
run or prompt is named can act: terminal control bytes are shown, spreadsheet formulas disarmed.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Format = Literal["table", "json", "jsonl", "csv", "md"]
FORMATS: tuple[Format, ...] = ("table", "json", "jsonl", "csv", "md")

Row = Mapping[str, object]

PIPED_WIDTH = 160
"""Columns of a table that no terminal bounds."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins so for a formula and runs it."""
LEAST_TEXT_WIDTH = 18
"""Names keep so many characters a line however narrow the terminal is: without them, a row of
numbers is nobody's."""


def rows_to_text(rows: Sequence[Row], columns: Sequence[str], form: Format) -> str:
    """Everything but `table`, which needs to know the terminal: see `print_table`.

    Ends with a newline. Values that JSON has no type for become their text; NaN and infinities
    become null.
    """
    return "".join(rows_to_lines(rows, columns, form))


def rows_to_lines(rows: Iterable[Row], columns: Sequence[str], form: Format) -> Iterator[str]:
    """The same in pieces, as the rows come, so that none needs to be kept."""
    if form == "json":
        yield from _rows_to_json(rows)
    elif form == "jsonl":
        for row in rows:
            yield json.dumps(_plain(row), ensure_ascii=False) + "\n"
    elif form == "csv":
        yield from _rows_to_csv(rows, columns)
    else:
        yield from _rows_to_markdown(rows, columns)


def print_rows(rows: Sequence[Row], columns: Sequence[str], form: Format, console: Console) -> None:
    """Write rows to stdout through `console`, in the format asked for."""
    if form == "table":
        print_table(rows, columns, console)
    else:
        console.file.write(rows_to_text(rows, columns, form))


def print_table(
    rows: Sequence[Row],
    columns: Sequence[str],
    console: Console,
    *,
    unbroken: Sequence[str] = (),
) -> None:
    """A table for the eye: numbers right-aligned, to six significant digits. Columns named in
    `unbroken` keep to one line however narrow the terminal is, as numbers do. Columns that do not
    fit at all stand below, as a table with the first column again."""
    cells = {name: [_value_to_cell(row.get(name)) for row in rows] for name in columns}
    numeric = {
        name: all(isinstance(row.get(name), int | float | None) for row in rows) for name in columns
    }
    whole = {name: numeric[name] or name in unbroken for name in columns}
    widest = {name: max(map(cell_len, [name, *cells[name]])) for name in columns}
    least = {
        name: widest[name] if whole[name] else min(widest[name], LEAST_TEXT_WIDTH)
        for name in columns
    }
    for part in _parts_that_fit(columns, least, console.width):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in part:
            table.add_column(
                Text(name),
                justify="right" if numeric[name] else "left",
                overflow="fold",
                no_wrap=whole[name],
                min_width=min(least[name], console.width),
            )
        for row in zip(*(cells[name] for name in part), strict=True):
            table.add_row(*map(Text, row))
        console.print(table)


def _parts_that_fit(
    columns: Sequence[str], least: Mapping[str, int], width: int
) -> list[list[str]]:
    """The columns in as few tables of `width` as their least widths allow, each with the first."""
    gap = 3
    parts = [list(columns[:1])]
    used = [least[name] for name in columns[:1]]
    for name in columns[1:]:
        if used[-1] + gap + least[name] > width and len(parts[-1]) > 1:
            parts.append([columns[0]])
            used.append(least[columns[0]])
        parts[-1].append(name)
        used[-1] += gap + least[name]
    return parts


def visible_text(text: str) -> str:
    """The text with control characters spelled out, so that a name cannot drive a terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _value_to_cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ", ".join(_value_to_cell(item) for item in value)
    return visible_text(str(value))


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _flat(value: object) -> object:
    plain = _plain(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else plain


def _rows_to_json(rows: Iterable[Row]) -> Iterator[str]:
    before = "[\n  "
    for row in rows:
        text = json.dumps(_plain(row), ensure_ascii=False, indent=2)
        yield before + text.replace("\n", "\n  ")
        before = ",\n  "
    yield "[]\n" if before.startswith("[") else "\n]\n"


def _rows_to_csv(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    def line(cells: Sequence[object]) -> str:
        buffer = io.StringIO()
        # With this terminator the writer quotes a lone \r too, which readers take for a line end.
        csv.writer(buffer, lineterminator="\r\n").writerow(cells)
        return buffer.getvalue().removesuffix("\r\n") + "\n"

    yield line(columns)
    for row in rows:
        yield line([_disarm_formula(_flat(row.get(name))) for name in columns])


def _disarm_formula(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def _rows_to_markdown(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |\n"

    def cell(value: object) -> str:
        return _value_to_cell(value).replace("|", "\\|").replace("<", "&lt;")

    yield line(columns) + line(["---"] * len(columns))
    for row in rows:
        yield line([cell(row.get(name)) for name in columns])
