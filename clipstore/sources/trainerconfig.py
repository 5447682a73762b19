"""A trainer's own settings file to typed values.

Invariant: whatever stands in the file, a getter gives a value of its type or None, never an
error; the raw values stay available as plain JSON that any store can hold. Trainers write the
same setting as `"--max_train_steps": "20"`, `"max_train_steps": 20` or `MAX_TRAIN_STEPS=20`.
"""

from __future__ import annotations

import math
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipstore.sources.textfiles import (
    Unreadable,
    read_text,
    storable,
    text_problem,
    text_to_json,
)
from clipstore.sources.yamlfiles import text_to_yaml

MAX_CONFIG_BYTES = 4 * 2**20
"""Real configs are a few kB; more is another file of that name."""
MAX_NESTING = 40

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off", "none", "null", ""})
_NOTHING = frozenset({"", "none", "null"})
_SECRET_KEY = re.compile(r"(?:^|_)(?:token|secret|password|api_key|apikey|webhook_url)$", re.I)
_ENV_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_ENV_NAMES = {"max_num_steps": "max_train_steps", "model_name": "pretrained_model_name_or_path"}


@dataclass(frozen=True)
class TrainerConfig:
    """One settings file."""

    path: Path
    values: Mapping[str, object]
    """Setting name without dashes → JSON value: str, int, finite float, bool, None, list, dict.
    What looks like a password or token is replaced by "(hidden)"."""
    escaped: frozenset[str] = frozenset()
    """Settings whose text holds a NUL or half a surrogate pair, shown as an escape in `values`."""

    def has(self, key: str) -> bool:
        """True when the file says anything about it."""
        return key in self.values

    def text(self, key: str) -> str | None:
        """A string, or None when absent, of another type, or one of "", "none", "null"."""
        value = self.values.get(key)
        return value if isinstance(value, str) and value.strip().lower() not in _NOTHING else None

    def flag(self, key: str) -> bool | None:
        """True or False, also from "true", "0", 1; None when absent or neither."""
        value = self.values.get(key)
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower() if isinstance(value, str | int) else None
        return True if word in _TRUE else False if word in _FALSE else None

    def whole(self, key: str) -> int | None:
        """A whole number, also from "20" or 20.0; None when absent or anything else."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return int(number) if math.isfinite(number) and number.is_integer() else None


def read_trainer_config(path: Path) -> TrainerConfig:
    """Read .json (comments and trailing commas allowed), .yaml, .yml, .toml or .env.

    Raises `Unreadable`.
    """
    text = read_text(path, max_bytes=MAX_CONFIG_BYTES)
    if path.suffix == ".toml":
        value = _toml_to_value(text)
    elif path.suffix in (".yaml", ".yml"):
        value = text_to_yaml(text)
    elif path.suffix == ".env":
        value = _env_to_value(text)
    else:
        value = text_to_json(text)
    if not isinstance(value, dict):
        raise Unreadable("it holds no settings: the outermost value is not an object")
    escaped = frozenset(
        _setting_name(key)
        for key, item in value.items()
        if isinstance(item, str) and text_problem(item) is not None
    )
    return TrainerConfig(path, clean_settings(value), escaped)


def clean_settings(values: Mapping[Any, object]) -> dict[str, object]:
    """Settings as `TrainerConfig.values` has them. Raises `Unreadable` when nested too deeply."""
    return {
        _setting_name(key): _clean_setting(_setting_name(key), item, depth=1)
        for key, item in values.items()
    }


def _setting_name(key: object) -> str:
    return storable(str(key)).lstrip("-")


def _toml_to_value(text: str) -> object:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"it is not TOML ({error})") from None


def _env_to_value(text: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for line in text.splitlines():
        match = _ENV_LINE.fullmatch(line)
        if match is None:
            continue
        key = match[1].lower()
        try:
            words = shlex.split(match[2], comments=True)
        except ValueError:
            words = [match[2].strip()]
        values[_ENV_NAMES.get(key, key)] = " ".join(words)
    return values


def _clean_setting(key: str, value: object, depth: int) -> object:
    """A JSON value that every store accepts. Raises `Unreadable` when nested too deeply."""
    if depth > MAX_NESTING:
        raise Unreadable(f"it is nested more than {MAX_NESTING} levels deep")
    if _SECRET_KEY.search(key) and value not in (None, ""):
        return "(hidden)"
    if isinstance(value, dict):
        return {
            storable(str(name)): _clean_setting(str(name), item, depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean_setting("", item, depth + 1) for item in value]
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return storable(str(value))
