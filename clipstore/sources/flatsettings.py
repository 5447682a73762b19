"""Nested settings to rows: one name, one value, typed where the text is a number or a boolean.

Invariant: the raw text is always kept, so that a wrong type loses nothing. Trainers write the same
setting as 1e-4 and "1e-4": both are the same number here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

Kind = Literal["number", "boolean", "text", "null"]

MAX_LIST_ITEMS = 100
"""A longer list is one setting: nobody compares runs by its ninetieth item."""
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?")


class Setting(NamedTuple):
    """One value."""

    key: str
    """All names on the way to it, joined by dots; items of lists by number from 0."""
    kind: Kind
    number: float | None
    """Of a number; 1 or 0 of a boolean; else None."""
    raw: str


def flatten_settings(values: Mapping[str, object]) -> Iterator[Setting]:
    """`values` are JSON values of any depth."""
    waiting: list[tuple[str, object]] = [(str(key), values[key]) for key in reversed(list(values))]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += [(f"{key}.{name}", value[name]) for name in reversed(list(value))]
        elif isinstance(value, list) and 0 < len(value) <= MAX_LIST_ITEMS:
            places = range(len(value) - 1, -1, -1)
            waiting += [(f"{key}.{place}", value[place]) for place in places]
        else:
            yield _to_setting(key, value)


def _to_setting(key: str, value: object) -> Setting:
    if value is None:
        return Setting(key, "null", None, "null")
    if isinstance(value, bool):
        return Setting(key, "boolean", float(value), str(value).lower())
    raw = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    word = raw.strip().lower()
    if word in ("true", "false"):
        return Setting(key, "boolean", float(word == "true"), raw)
    if len(word) <= 64 and _NUMBER.fullmatch(word) and math.isfinite(number := float(word)):
        return Setting(key, "number", number, raw)
    return Setting(key, "text", None, raw)
