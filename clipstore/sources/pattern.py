"""A naming of the user's own: `{run}/samples/{step}_{prompt_id}_{index}.png` to fields.

Invariant: a path has one reading or an error that names the field. Fields stay within one part of
the path. A name that could be read in two ways is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter
from typing import NamedTuple

from clipstore.errors import PatternError

NUMBERS = ("step", "epoch", "index")
"""Fields that are whole numbers; others are with `{name:d}`."""


class Element(NamedTuple):
    """A piece of a path's part: fixed text, or a field."""

    text: str
    """The fixed text, or the field's name."""
    is_field: bool
    is_number: bool = False

    def __str__(self) -> str:
        return f"{{{self.text}}}" if self.is_field else repr(self.text)


@dataclass(frozen=True)
class PathPattern:
    """A parsed pattern."""

    text: str
    """As the user wrote it."""
    parts: tuple[tuple[Element, ...], ...]
    """One per folder, the file's name last."""

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(one.text for part in self.parts for one in part if one.is_field)

    @property
    def run_depth(self) -> int | None:
        """How many parts name the run's folder; None when the run is not named by a folder."""
        deep = [number for number, part in enumerate(self.parts, 1) if _has_field(part, "run")]
        return deep[-1] if deep and deep[-1] < len(self.parts) else None


class Mismatch(NamedTuple):
    """Why a path does not fit."""

    part: int
    """Which part of the path, from 0."""
    why: str
    """A sentence that names the field."""


def parse_pattern(text: str) -> PathPattern:
    """Raises `PatternError` when it says too little, or something that cannot be followed."""
    parts = tuple(_parse_part(text, part) for part in text.strip("/").split("/"))
    pattern = PathPattern(text, parts)
    if not {"step", "epoch"} & pattern.fields:
        raise PatternError(text, "it has neither {step} nor {epoch}, so no picture has a place")
    if "prompt_id" not in pattern.fields:
        raise PatternError(text, "it has no {prompt_id}, so no picture has a prompt")
    return pattern


def match_path(pattern: PathPattern, parts: Sequence[str]) -> Mapping[str, str] | Mismatch:
    """The fields of a path given by its parts below the root, or why it does not fit."""
    if len(parts) != len(pattern.parts):
        wanted = len(pattern.parts) - 1
        why = f"it lies {len(parts) - 1} folders deep, and the pattern {wanted}"
        return Mismatch(min(len(parts), len(pattern.parts)) - 1, why)
    values: dict[str, str] = {}
    for number, (elements, name) in enumerate(zip(pattern.parts, parts, strict=True)):
        found = _match_part(elements, name)
        if isinstance(found, str):
            return Mismatch(number, found)
        for field, value in found.items():
            if values.setdefault(field, value) != value:
                why = f"{{{field}}} is {values[field]!r} in one place and {value!r} in another"
                return Mismatch(number, why)
    return values


def _parse_part(pattern: str, part: str) -> tuple[Element, ...]:
    if part in ("", ".", ".."):
        raise PatternError(pattern, f"a part of its path is {part!r}")
    elements: list[Element] = []
    try:
        pieces = list(Formatter().parse(part))
    except ValueError as error:
        raise PatternError(
            pattern, f"{error} (braces themselves are written {{{{ and }}}})"
        ) from None
    for fixed, field, kind, conversion in pieces:
        if fixed:
            elements.append(Element(fixed, False))
        if field is None:
            continue
        if not field.isidentifier():
            raise PatternError(pattern, f"a field is named {field!r}; use letters, as in {{step}}")
        if conversion or kind not in ("", "d"):
            raise PatternError(pattern, f"{{{field}}} may only say :d, for a whole number")
        elements.append(Element(field, True, kind == "d" or field in NUMBERS))
    return tuple(elements)


def _match_part(elements: tuple[Element, ...], name: str) -> Mapping[str, str] | str:
    longest, shortest = (regex.fullmatch(name) for regex in _regexes(elements))
    if longest is None or shortest is None:
        return _explain(elements, name)
    greedy, lazy = longest.groupdict(), shortest.groupdict()
    for field, value in greedy.items():
        if lazy[field] != value:
            return (
                f"{{{field}}} can be {lazy[field]!r} or {value!r}; put a sign between the fields "
                "that they do not contain, or say {name:d} for a field that is a whole number"
            )
    return greedy


@lru_cache(maxsize=64)
def _regexes(elements: tuple[Element, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """For the longest and for the shortest reading: a name has one when both agree."""
    longest = _source(elements, number="[0-9]+", free=".+")
    shortest = _source(elements, number="[0-9]+?", free=".+?")
    return re.compile(longest, re.S), re.compile(shortest, re.S)


def _source(elements: Sequence[Element], *, number: str, free: str) -> str:
    source, seen = "", set()
    for element in elements:
        if not element.is_field:
            source += re.escape(element.text)
        elif element.text in seen:
            source += f"(?P={element.text})"
        else:
            seen.add(element.text)
            source += f"(?P<{element.text}>{number if element.is_number else free})"
    return source


def _explain(elements: tuple[Element, ...], name: str) -> str:
    """Which element is the first that the name does not have."""
    begins = 0
    rest = name
    for count in range(len(elements), -1, -1):
        match = re.match(_source(elements[:count], number="[0-9]+", free=".+?"), name, re.S)
        if match is not None:
            begins, rest = count, name[match.end() :]
            break
    if begins == len(elements):
        return f"after {elements[-1]} the name goes on with {rest!r}"
    wanted = elements[begins]
    after = f" after {elements[begins - 1]}" if begins else ""
    if not wanted.is_field:
        return f"{wanted} is expected{after}, and the name has {rest!r}"
    follows = elements[begins + 1].text if begins + 1 < len(elements) else ""
    here = rest.split(follows)[0] if follows and not elements[begins + 1].is_field else rest
    what = "is a whole number" if wanted.is_number else "is empty"
    return f"{wanted} {what}, and{after or ' there'} stands {here!r}"


def _has_field(part: Sequence[Element], name: str) -> bool:
    return any(one.is_field and one.text == name for one in part)
