"""Pictures that lie inside another file: how they are addressed.

Invariant: an address is a path that names no file, "log#first_byte+bytes", with ":cell" where one
of several pictures in it is meant. It goes wherever a path goes; only who opens it takes it apart.
A file that really has such a name is that file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_ADDRESS = re.compile(r"(?P<name>.+)#(?P<start>[0-9]{1,18})\+(?P<length>[0-9]{1,18})(?::[0-9]+)?")
_CELL = re.compile(r"(?P<whole>.+):[0-9]{1,6}")


class PartOfFile(NamedTuple):
    """Where a picture's bytes lie."""

    path: Path
    start: int
    length: int


def part_to_address(part: PartOfFile) -> Path:
    """The path that stands for this part of a file."""
    return part.path.with_name(f"{part.path.name}#{part.start}+{part.length}")


def address_of_cell(path: Path, cell: int) -> Path:
    """The path that stands for one cell of a grid, from 0."""
    return path.with_name(f"{path.name}:{cell}")


def address_to_part(path: Path) -> PartOfFile | None:
    """What an address means; None for the path of a file."""
    match = _ADDRESS.fullmatch(path.name)
    if match is None or path.exists():
        return None
    return PartOfFile(path.with_name(match["name"]), int(match["start"]), int(match["length"]))


def address_to_file(path: Path) -> Path:
    """The file that must be opened: of a cell the grid's, of every other path its own."""
    match = _CELL.fullmatch(path.name)
    return path if match is None or path.exists() else path.with_name(match["whole"])
