"""Pictures in the logs of one folder to the runs there, those of other adapters to theirs.

Invariant: a log belongs to one run, its pictures need not: a trainer that compares adapters logs
all of them in one place. Where the log says whose a picture is, it goes to that run, which is made
when the log alone knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from clipstore.logged import KnownPicture
from clipstore.pipeline.loggedpictures import LoggedPlacing
from clipstore.types import Prompt, Run, RunContents


class _Place(NamedTuple):
    """What makes a run."""

    root: Path
    variant: str


def place_in_folder(
    runs: Sequence[RunContents],
    pictures: Mapping[int, Sequence[KnownPicture]],
    placing: LoggedPlacing,
) -> tuple[RunContents, ...]:
    """The runs of one folder with their `pictures`, given by the run_id of the log's owner. With a
    pattern they are the runs of several folders below it."""
    placed: dict[_Place, RunContents] = {}
    elsewhere: dict[_Place, list[KnownPicture]] = {}
    for contents in runs:
        of_run = placing.place(contents, pictures.get(contents.run.run_id, ()))
        root = contents.run.root
        placed[_Place(root, contents.run.variant)] = of_run.contents
        for variant, some in of_run.elsewhere.items():
            elsewhere.setdefault(_Place(root, variant), []).extend(some)
    for place, some in sorted(elsewhere.items(), key=lambda one: one[0]):
        beside = [contents for contents in runs if contents.run.root == place.root]
        own = placed.get(place)
        if own is None:
            own = RunContents(_as_variant(beside[0].run, place.variant), (), ())
        # A tag is taken apart by known prompt ids: all that told whose these are have to be there.
        prompts: dict[str, Prompt] = {}
        for each in (own, *beside):
            for prompt in each.prompts:
                prompts.setdefault(prompt.prompt_id, prompt)
        of_run = placing.place(replace(own, prompts=tuple(prompts.values())), some)
        placed[place] = _with_used_prompts(of_run.contents, own.prompts)
    return tuple(placed.values())


def _as_variant(run: Run, variant: str) -> Run:
    """The run of another adapter, named as the layout names those that have files."""
    plain = run.name.removesuffix(f"@{run.variant}")
    return replace(run, name=f"{plain}@{variant}" if variant else plain, variant=variant)


def _with_used_prompts(contents: RunContents, own: Sequence[Prompt]) -> RunContents:
    used = {one.prompt_id for one in contents.pictures} | {one.prompt_id for one in own}
    prompts = tuple(one for one in contents.prompts if one.prompt_id in used)
    return replace(contents, prompts=prompts)
