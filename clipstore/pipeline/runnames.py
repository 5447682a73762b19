"""Names for runs that are unique in a store and stay what they were.

Invariant: a run is its folder, not its name. Two folders of the same name are two runs, and the
later one is told apart by as much of its path as that takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from clipstore.types import Run, RunContents


class RunNamer:
    """Names runs one after the other, as the store names them, or anew and uniquely."""

    def __init__(self, names_in_store: Mapping[int, str]) -> None:
        """`names_in_store` maps run_id to name."""
        self._names = names_in_store
        self._owner = {name: run_id for run_id, name in names_in_store.items()}

    def name(self, contents: RunContents) -> RunContents:
        """The run under its name; from now on the name is taken."""
        run = contents.run
        name = self._names.get(run.run_id) or _free_name(run, self._owner)
        self._owner[name] = run.run_id
        return replace(contents, run=replace(run, name=name))


def _free_name(run: Run, owner: Mapping[str, int]) -> str:
    if owner.get(run.name, run.run_id) == run.run_id:
        return run.name
    suffix = f"@{run.variant}" if run.variant else ""
    parts = run.root.parts[1:]
    for length in range(1, len(parts) + 1):
        name = "/".join(parts[-length:]) + suffix
        if len(name) > len(run.name) and owner.get(name, run.run_id) == run.run_id:
            return name
    return f"{run.name} #{run.run_id % 10**6:06d}"
