"""Constants of the rule from a user's file, and what that changes.

Invariant: a file either gives a complete, usable `Rules` or an error that lists what is known;
nothing in it is passed over. What differs from the defaults is said beside every result.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType

from clipstore.analysis.rules import Rules
from clipstore.errors import RulesFileError

LEAST: Mapping[str, int] = MappingProxyType(
    {"min_validations": 5, "stuck_min_window": 3, "stuck_min_validations": 5, "min_tail": 3}
)
"""Fewer than these the fits cannot work with; every other count is at least 1."""

SIZES = ("_cosine", "_sd", "_sds", "_factor", "_weight")
"""Endings of the constants that measure something; all other fractions are shares or chances."""
BELOW_ONE = frozenset({"alpha", "withdraw_probability", "jitter_autocorrelation"})
"""A chance of 1 would flag, or let off, everything."""

Value = float | int | tuple[float, float]


@dataclass(frozen=True)
class ChangedRule:
    """A constant that is not at its default."""

    name: str
    value: Value
    default: Value


def rules_from_file(path: Path) -> Rules:
    """Defaults with the constants that a TOML or JSON file names, by the field names of `Rules`.

    Cosines are on the scale of openai/clip-vit-large-patch14-336, as the defaults are; they are
    stretched with them for a model with another band. Raises `RulesFileError`.
    """
    try:
        text = path.read_text("utf-8")
        stated = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise RulesFileError(path, f"it cannot be read: {error}", _known()) from None
    if not isinstance(stated, dict):
        raise RulesFileError(path, "it is not an object of names and numbers", _known())
    defaults = Rules()
    unknown = sorted(stated.keys() - {field.name for field in fields(Rules)})
    if unknown:
        raise RulesFileError(path, f"there is no rule named {', '.join(unknown)}", _known())
    changes: dict[str, Value] = {}
    for name, value in stated.items():
        changed = _value(name, value, getattr(defaults, name))
        if isinstance(changed, str):
            raise RulesFileError(path, f"{name} must be {changed}, and is {value!r}", _known())
        changes[name] = changed
    return replace(defaults, **changes)  # type: ignore[arg-type]  # checked above, field by field


def changed_rules(rules: Rules) -> tuple[ChangedRule, ...]:
    """The constants that are not at their defaults, in the order of `Rules`."""
    defaults = Rules()
    pairs = ((f.name, getattr(rules, f.name), getattr(defaults, f.name)) for f in fields(Rules))
    return tuple(ChangedRule(*each) for each in pairs if each[1] != each[2])


def changed_rules_text(rules: Rules) -> str | None:
    """One sentence for people; None for the defaults."""
    changed = changed_rules(rules)
    if not changed:
        return None
    listed = ", ".join(f"{each.name} = {each.value} (usually {each.default})" for each in changed)
    return f"These verdicts were made with changed rules: {listed}."


def _value(name: str, value: object, default: Value) -> Value | str:
    """The value in the type of its default, or what it would have to be."""
    if isinstance(default, tuple):
        good = isinstance(value, list) and len(value) == 2 and all(map(_is_share, value))
        if not (good and isinstance(value, list) and value[0] < value[1]):
            return "two numbers from 0 to 1, the smaller first"
        return float(value[0]), float(value[1])
    if isinstance(default, int):
        least = LEAST.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            return f"a whole number of at least {least}"
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "a number"
    if name.endswith(SIZES):
        return float(value) if value >= 0 else "a number that is not negative"
    if 0 < value < 1 or (value == 1 and name not in BELOW_ONE):
        return float(value)
    return "a share: more than 0 and " + ("less than 1" if name in BELOW_ONE else "at most 1")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _known() -> tuple[str, ...]:
    return tuple(field.name for field in fields(Rules))
