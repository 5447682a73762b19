"""Constants of the analysis from a user's file, and what that changes.

Invariant: a file either gives complete, usable `AllRules` or an error that lists what is known;
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

from clipstore.analysis.allrules import AllRules
from clipstore.errors import RulesFileError

LEAST: Mapping[str, int] = MappingProxyType(
    {
        "verdict.min_validations": 5,
        "verdict.stuck_min_window": 3,
        "verdict.stuck_min_validations": 5,
        "verdict.min_tail": 3,
        "compare.min_common_prompts": 3,
        "pictures.min_prompts": 2,
        "pictures.frozen_validations": 2,
        "pictures.min_tail": 9,
        "calibration.min_texts": 3,
    }
)
"""Fewer than these the fits cannot work with; every other count is at least 1."""

SIZES = ("_cosine", "_sd", "_sds", "_factor", "_weight", "_df")
"""Endings of the constants that measure something; all other fractions are shares or chances."""
BELOW_ONE = frozenset(
    {
        "alpha",
        "confidence",
        "drift_p",
        "false_discovery_rate",
        "jitter_autocorrelation",
        "max_noise_autocorrelation",
        "power",
        "withdraw_probability",
    }
)
"""A chance of 1 would flag, or let off, everything."""

Value = float | int | tuple[float, float]


@dataclass(frozen=True)
class ChangedRule:
    """A constant that is not at its default."""

    name: str
    """Section and name, as `verdict.patience_share`."""
    value: Value
    default: Value


def rules_from_file(path: Path) -> AllRules:
    """Defaults with the constants that a TOML or JSON file names, in sections that are the parts of
    `AllRules`.

    Cosines are on the scale of openai/clip-vit-large-patch14-336, as the defaults are; they are
    stretched with them for a model with another band. Raises `RulesFileError`.
    """
    try:
        text = path.read_text("utf-8")
        stated = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise RulesFileError(path, f"it cannot be read: {error}", _known()) from None
    if not isinstance(stated, dict):
        raise RulesFileError(path, "it has no sections", _known())
    rules = AllRules()
    for section, constants in stated.items():
        rules = _with_section(rules, section, constants, path)
    return rules


def changed_rules(rules: AllRules) -> tuple[ChangedRule, ...]:
    """The constants that are not at their defaults, in the order of `AllRules`."""
    defaults = AllRules()
    return tuple(
        ChangedRule(f"{part.name}.{each.name}", value, usual)
        for part in fields(AllRules)
        for each in fields(getattr(rules, part.name))
        if (value := getattr(getattr(rules, part.name), each.name))
        != (usual := getattr(getattr(defaults, part.name), each.name))
    )


def changed_rules_text(rules: AllRules) -> str | None:
    """One sentence for people; None for the defaults."""
    changed = changed_rules(rules)
    if not changed:
        return None
    listed = ", ".join(f"{each.name} = {each.value} (usually {each.default})" for each in changed)
    return f"Made with changed rules: {listed}."


def _with_section(rules: AllRules, section: str, constants: object, path: Path) -> AllRules:
    if section not in _known():
        homes = [name for name, constants in _known().items() if section in constants]
        told = f"; {section} belongs into [{'] or ['.join(homes)}]" if homes else ""
        raise RulesFileError(path, f"there is no section named {section}{told}", _known())
    if not isinstance(constants, dict):
        raise RulesFileError(path, f"{section} must be a section, not {constants!r}", _known())
    part = getattr(rules, section)
    unknown = sorted(constants.keys() - {field.name for field in fields(part)})
    if unknown:
        told = f"there is no rule named {', '.join(unknown)} in [{section}]"
        raise RulesFileError(path, told, _known())
    changes: dict[str, Value] = {}
    for name, value in constants.items():
        changed = _value(section, name, value, getattr(part, name))
        if isinstance(changed, str):
            told = f"{section}.{name} must be {changed}, and is {value!r}"
            raise RulesFileError(path, told, _known())
        changes[name] = changed
    return replace(rules, **{section: replace(part, **changes)})


def _value(section: str, name: str, value: object, default: Value) -> Value | str:
    """The value in the type of its default, or what it would have to be."""
    if isinstance(default, tuple):
        good = isinstance(value, list) and len(value) == 2 and all(map(_is_share, value))
        if not (good and isinstance(value, list) and value[0] < value[1]):
            return "two numbers from 0 to 1, the smaller first"
        return float(value[0]), float(value[1])
    if isinstance(default, int):
        least = LEAST.get(f"{section}.{name}", 1)
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


def _known() -> dict[str, tuple[str, ...]]:
    """The names of every section's constants."""
    defaults = AllRules()
    return {
        part.name: tuple(each.name for each in fields(getattr(defaults, part.name)))
        for part in fields(AllRules)
    }
