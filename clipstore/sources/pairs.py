"""Pictures with the text that they show, for calibrating: a captioned folder, or a table.

Invariant: a picture's text is the .txt beside it or its row of the table, never a guess, and
every file below a folder ends as a pair, a problem or skipped. These are pictures as people have
them for training; runs of a trainer are the layouts' business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from clipstore.errors import PairsMissing
from clipstore.sources.listedfiles import ListedFile
from clipstore.sources.listing import NamesByFolder, list_tree
from clipstore.sources.promptrows import PromptRow, RowRefused, text_to_rows
from clipstore.sources.textfiles import Unreadable, read_text, text_problem
from clipstore.types import Problem, Skipped

MAX_TEXT_BYTES = 2**20
MAX_TABLE_BYTES = 64 * 2**20
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
FILE_KEYS = ("file_name", "file")

_NUMBERED = re.compile(r"(.+)__[0-9]{1,6}", re.S)


@dataclass(frozen=True)
class Pair:
    """A picture and what it shows."""

    path: Path
    text: str


@dataclass(frozen=True)
class PairListing:
    """All pairs of a place, before any picture is opened."""

    pairs: tuple[Pair, ...]
    """In the order of their paths."""
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]


def list_pairs(where: Path) -> PairListing:
    """The pairs of a folder of captioned pictures, or of a table.

    Raises `PairsMissing` when there is nothing of the kind.
    """
    if where.is_dir():
        listing = _folder_to_pairs(where)
    elif where.suffix.lower() in TABLE_SUFFIXES and where.exists():
        listing = _table_to_pairs(where)
    else:
        what = "it is neither a folder nor a CSV, TSV or JSONL file."
        raise PairsMissing(where, what if where.exists() else "it does not exist.")
    if not listing.pairs:
        raise PairsMissing(where, _why_none(listing))
    return listing


def _folder_to_pairs(folder: Path) -> PairListing:
    tree = list_tree(folder)
    beside = tree.names_beside_samples()
    pairs: list[Pair] = []
    problems = list(tree.problems)
    skipped = list(tree.skipped)
    for file in tree.files:
        if not file.is_picture:
            is_text = file.name.lower().endswith(".txt")
            skipped.append(file.skipped("prompt_text" if is_text else "not_a_picture"))
            continue
        text = _text_beside(file, beside)
        if isinstance(text, Problem):
            problems.append(text)
        else:
            pairs.append(Pair(file.path, text))
    return PairListing(tuple(pairs), tuple(problems), tuple(skipped))


def _text_beside(file: ListedFile, beside: NamesByFolder) -> str | Problem:
    stem = PurePath(file.name).stem
    own = f"{stem}.txt"
    numbered = _NUMBERED.fullmatch(stem)
    shared = f"{numbered[1]}.txt" if numbered else own
    there = beside.get(file.folder, ())
    name = next((name for name in (own, shared) if name in there), None)
    if name is None:
        return Problem(
            file.path, "prompt", "no_prompt_text", f"there is no {own} beside it with its text"
        )
    try:
        text = read_text(file.folder / name, max_bytes=MAX_TEXT_BYTES).strip()
    except Unreadable as error:
        return Problem(file.path, "prompt", "prompt_unreadable", f"{name}: {error}.")
    bad = _unusable(text)
    if bad is not None:
        return Problem(file.path, "prompt", "prompt_unreadable", f"{name}: {bad}.")
    return text


def _table_to_pairs(table: Path) -> PairListing:
    try:
        rows = text_to_rows(read_text(table, max_bytes=MAX_TABLE_BYTES), table.suffix.lower())
    except Unreadable as error:
        raise PairsMissing(table, f"{error}.") from None
    outcomes = [_row_to_pair(row, table) for row in rows]
    return PairListing(
        tuple(sorted((o for o in outcomes if isinstance(o, Pair)), key=lambda o: o.path)),
        tuple(o for o in outcomes if isinstance(o, Problem)),
        (),
    )


def _row_to_pair(row: PromptRow | RowRefused, table: Path) -> Pair | Problem:
    if isinstance(row, RowRefused):
        return Problem(table, "prompt", "prompt_unreadable", f"{row.place}: {row.why}.")
    cells = dict(row.tags)
    name = next((cells[key] for key in FILE_KEYS if cells.get(key)), None)
    if name is None or text_problem(name) is not None:
        return Problem(table, "prompt", "no_file_name", f"{row.place}: it names no file_name.")
    text = row.text.strip()
    bad = _unusable(text)
    path = table.parent / name
    if bad is not None:
        return Problem(path, "prompt", "prompt_unreadable", f"{table.name}, {row.place}: {bad}.")
    return Pair(path, text)


def _unusable(text: str) -> str | None:
    return text_problem(text) if text else "the text is empty"


def _why_none(listing: PairListing) -> str:
    if not listing.problems:
        return "it has no pictures."
    first = listing.problems[0]
    return f"of {len(listing.problems):,} none has a usable text; {first.path.name}: {first.detail}"
