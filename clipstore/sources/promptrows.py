"""Prompt files in every accepted form to plain rows: (id or None, text, tags) and what is refused.

Invariant: a text leaves here character for character as the file gives it (only plain .txt lines
are stripped); a row that could be read in two ways is refused, never repaired.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clipstore.sources.sampleprompts import toml_to_texts
from clipstore.sources.textfiles import Unreadable, text_to_json

ID_KEYS = ("id", "prompt_id", "shortname")
TEXT_KEYS = ("prompt", "caption", "tags")
"""In this order, as SimpleTuner reads its library entries."""
TABLE_SUFFIXES = (".csv", ".tsv", ".tab")
LINES_SUFFIXES = (".jsonl", ".ndjson")

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True)
class PromptRow:
    """One prompt as the file has it."""

    prompt_id: str | None
    """None where the file gives no id."""
    text: str
    tags: tuple[tuple[str, str], ...]
    place: str
    """Where in the file, for messages: "entry 3", "line 12"."""


@dataclass(frozen=True)
class RowRefused:
    """A row that cannot be used."""

    prompt_id: str | None
    place: str
    why: str


Rows = list[PromptRow | RowRefused]


def text_to_rows(text: str, suffix: str) -> Rows:
    """Rows of a prompt file. `suffix` (".json", lower case) says which form; an unknown one is
    guessed from the first characters, and what has no form is one prompt per line.

    Raises `Unreadable` when the file as a whole is not what its suffix says.
    """
    if suffix in LINES_SUFFIXES:
        return _json_lines_to_rows(text)
    if suffix == ".toml":
        return [
            PromptRow(None, prompt, (), f"prompt {number}")
            for number, prompt in enumerate(toml_to_texts(text))
        ]
    if suffix in (".yaml", ".yml"):
        raise Unreadable("YAML is no form of prompt file; save the prompts as JSON {id: text}")
    if suffix in TABLE_SUFFIXES:
        return _table_to_rows(text, "\t" if suffix != ".csv" else None)
    if suffix == ".txt":
        return _table_to_rows(text, "\t") if _has_tabbed_header(text) else _lines_to_rows(text)
    if suffix == ".json" or text.lstrip()[:1] in ("{", "["):
        return _json_to_rows(text)
    if _has_tabbed_header(text):
        return _table_to_rows(text, "\t")
    return _lines_to_rows(text)


def _json_to_rows(text: str) -> Rows:
    try:
        value = text_to_json(text, pairs=tuple)
    except Unreadable:
        if _is_json_lines(text):
            return _json_lines_to_rows(text)
        raise
    if isinstance(value, tuple) and [key for key, _ in value] == ["prompts"]:
        inner = value[0][1]
        value = inner if isinstance(inner, list | tuple) else value
    if isinstance(value, tuple):
        return [_entry_to_row(str(key), item, f"entry {key!r}") for key, item in value]
    if isinstance(value, list):
        return [_entry_to_row(None, item, f"entry {n}") for n, item in enumerate(value, 1)]
    raise Unreadable("the outermost JSON value is neither an object nor a list")


def _json_lines_to_rows(text: str) -> Rows:
    rows: Rows = []
    for number, line in _numbered_lines(text):
        try:
            value = text_to_json(line, pairs=tuple)
        except Unreadable as error:
            rows.append(RowRefused(None, f"line {number}", str(error)))
        else:
            rows.append(_entry_to_row(None, value, f"line {number}"))
    return rows


def _is_json_lines(text: str) -> bool:
    lines = [line for _, line in _numbered_lines(text)][:2]
    return len(lines) == 2 and all(line.lstrip().startswith(("{", '"')) for line in lines)


def _entry_to_row(prompt_id: str | None, value: object, place: str) -> PromptRow | RowRefused:
    """One JSON value, objects as tuples of pairs, to a row."""
    if isinstance(value, str):
        return PromptRow(prompt_id, value, (), place)
    if not isinstance(value, tuple):
        return RowRefused(prompt_id, place, f"it is {_kind(value)}, not a text or an object")
    fields = {str(key).lower(): item for key, item in value}
    if prompt_id is None:
        given = next((fields[key] for key in ID_KEYS if key in fields), None)
        if given is not None and not isinstance(given, str | int):
            return RowRefused(None, place, f"its id is {_kind(given)}, not a text")
        prompt_id = None if given is None else str(given)
    text_key = next((key for key in TEXT_KEYS if fields.get(key) is not None), None)
    if text_key is None:
        return RowRefused(prompt_id, place, "it has no 'prompt' (nor 'caption' or 'tags')")
    text = fields[text_key]
    if not isinstance(text, str):
        return RowRefused(prompt_id, place, f"its '{text_key}' is {_kind(text)}, not a text")
    tags = tuple(
        (key, str(item))
        for key, item in fields.items()
        if key != text_key and key not in ID_KEYS and isinstance(item, str | int | float)
    )
    return PromptRow(prompt_id, text, tags, place)


def _table_to_rows(text: str, delimiter: str | None) -> Rows:
    """CSV or TSV with a header. `delimiter` None: comma, or semicolon as some spreadsheets do."""
    if delimiter == "\t":
        lines = _tabbed_lines(text)
    else:
        first = text.lstrip().split("\n", 1)[0]
        columns = [name.strip(' "\r').lower() for name in first.split(",")]
        lines = _csv_lines(text, "," if "prompt" in columns or ";" not in first else ";")
    if not lines:
        return []
    header = [name.strip().lower() for name in lines[0][1]]
    if "prompt" not in header:
        raise Unreadable(
            f"its first line names the columns {', '.join(lines[0][1][:8])}; one must be 'prompt'"
        )
    return [_cells_to_row(header, cells, f"line {number}") for number, cells in lines[1:]]


def _cells_to_row(
    header: Sequence[str], cells: Sequence[str], place: str
) -> PromptRow | RowRefused:
    if len(cells) > len(header) and any(cells[len(header) :]):
        return RowRefused(
            None,
            place,
            f"it has {len(cells)} cells for {len(header)} columns; a prompt that contains the "
            "separator must stand in double quotes",
        )
    named = dict(zip(header, cells, strict=False))
    if "prompt" not in named:
        return RowRefused(None, place, "it ends before the prompt column")
    prompt_id = next((named[key] for key in ID_KEYS if named.get(key)), None)
    tags = tuple(
        (name, cell)
        for name, cell in named.items()
        if name and name != "prompt" and name not in ID_KEYS and cell
    )
    return PromptRow(prompt_id, named["prompt"], tags, place)


def _csv_lines(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num}: {error}") from None


def _tabbed_lines(text: str) -> list[tuple[int, list[str]]]:
    """Cells of a TSV. PartiPrompts' file has bare double quotes inside prompts, spreadsheets quote
    cells: quotes are removed only where the header is quoted too or quotes inside are doubled."""
    lines = [(number, line.split("\t")) for number, line in _numbered_lines(text)]
    quotes_all = bool(lines) and all(_QUOTED.fullmatch(cell) for cell in lines[0][1])
    return [(number, [_unquote(cell, quotes_all) for cell in cells]) for number, cells in lines]


def _unquote(cell: str, quotes_all: bool) -> str:
    match = _QUOTED.fullmatch(cell)
    if match is None or not (quotes_all or '""' in match[1]):
        return cell
    return match[1].replace('""', '"')


def _has_tabbed_header(text: str) -> bool:
    first = text.lstrip().split("\n", 1)[0]
    return "\t" in first and "prompt" in [name.strip(' "\r').lower() for name in first.split("\t")]


def _lines_to_rows(text: str) -> Rows:
    return [
        PromptRow(None, line.strip(), (), f"line {number}")
        for number, line in _numbered_lines(text)
    ]


def _numbered_lines(text: str) -> Iterable[tuple[int, str]]:
    """Lines that are not blank, with their number from 1. Only real line ends count: a prompt may
    contain U+2028 or a form feed."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if line.strip():
            yield number, line


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "true/false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object")
