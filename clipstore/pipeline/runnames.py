"""Names for runs that are unique in a store and stay what they were.

Invariant: a run is its folder, not its name. Two folders of the same name are two runs, and the
later one is told apart by as much of its path as that takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from clipstore.pipeline.discover import Discovery
from clipstore.types import Run


def with_unique_names(
    discoveries: Sequence[Discovery], names_in_store: Mapping[int, str]
) -> tuple[Discovery, ...]:
    """The discoveries with every run named as the store names it, or anew and uniquely.

    `names_in_store` maps run_id to name.
    """
    owner = {name: run_id for run_id, name in names_in_store.items()}
    renamed = []
    for discovery in discoveries:
        runs = []
        for contents in discovery.runs:
            run = contents.run
            name = names_in_store.get(run.run_id) or _free_name(run, owner)
            owner[name] = run.run_id
            runs.append(replace(contents, run=replace(run, name=name)))
        renamed.append(replace(discovery, runs=tuple(runs)))
    return tuple(renamed)


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
