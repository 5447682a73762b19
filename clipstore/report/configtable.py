"""Settings that differ between the runs, beside what became of them; no claim of a cause.

Invariant: only settings that differ are shown, and a value says nothing of a machine unless that
was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from clipstore.report.inert import shorten, strip_hosts_and_folders

MAX_SETTINGS = 24
"""Columns of the table; the query lists the rest."""
MAX_VALUE = 80


@dataclass(frozen=True)
class ConfigTable:
    """One row a run, one column a setting."""

    settings: tuple[str, ...]
    """Those that tell the most runs apart first, then by name; what only repeats the names last."""
    values: tuple[tuple[str | None, ...], ...]
    """For each run in the page's order its values; None where it lacks the setting."""
    n_settings: int
    """All that differ; `settings` has the first."""


def config_to_table(
    config: pl.DataFrame, runs: Sequence[str], folders: Sequence[str], *, with_paths: bool
) -> ConfigTable:
    """`config`: `tables.CONFIG_COLUMNS`. Settings that are the same in all of `runs` are left out.

    `folders`: absolute folders whose names may not show unless `with_paths`.
    """
    by_setting: dict[str, dict[str, str | None]] = {}
    on_page = set(runs)
    for setting, run, value in config.select("setting", "run", "value").iter_rows():
        if run in on_page:
            by_setting.setdefault(setting, {})[run] = value
    told_apart = {name: _n_values(values, runs) for name, values in by_setting.items()}
    differing = sorted(
        (name for name, n_values in told_apart.items() if n_values > 1),
        key=lambda name: (_only_names(by_setting[name]), -told_apart[name], name),
    )
    shown = tuple(differing[:MAX_SETTINGS])

    def text_of(raw: str | None) -> str | None:
        if raw is None:
            return None
        text = _plain(raw)
        return shorten(text if with_paths else strip_hosts_and_folders(text, folders), MAX_VALUE)

    return ConfigTable(
        settings=shown,
        values=tuple(tuple(text_of(by_setting[name].get(run)) for name in shown) for run in runs),
        n_settings=len(differing),
    )


def _only_names(values: Mapping[str, str | None]) -> bool:
    """True for an output folder or a tracker's run name: it repeats what the run is called."""
    return all(
        value is not None and run.replace("\\", "/").rsplit("/", 1)[-1] in value
        for run, value in values.items()
    )


def _n_values(values: Mapping[str, str | None], runs: Sequence[str]) -> int:
    return len({values.get(run) for run in runs})


def _plain(raw: str) -> str:
    """A JSON string without its quotes; other JSON as it is."""
    try:
        value = json.loads(raw)
    except ValueError:
        return raw
    return value if isinstance(value, str) else raw
