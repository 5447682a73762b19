"""Pictures named as the user's --pattern says, for tools that no other layout knows.

Invariant: nothing is a run of this layout unless --pattern asks for it. A picture in a folder that
the pattern leads to fits the pattern or ends everything with an error: a wrong pattern must not
look like a run with few pictures. Pictures in other folders are left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from clipstore.errors import PatternError, PatternMismatch
from clipstore.layouts import ReadContext
from clipstore.sources.listedfiles import ListedFile, rule_by_suffix
from clipstore.sources.listing import NamesByFolder, list_tree
from clipstore.sources.pattern import Mismatch, PathPattern, match_path
from clipstore.sources.prompts import PromptBook, prompts_to_book
from clipstore.sources.promptversions import advice_on_untold, attach_texts, first_of_each
from clipstore.sources.textbeside import (
    PROMPT_FILES,
    advice_on_user_prompts,
    load_own_prompts,
    text_finder,
)
from clipstore.types import Picture, Problem, Run, RunContents

NAME = "pattern"

OUTSIDE_RULE = "outside_the_pattern"
WHAT_TO_DO = (
    "Put the text in a .txt file beside each picture, or pass --prompts FILE with these ids."
)


class _Fields(NamedTuple):
    file: ListedFile
    step: int
    epoch: int | None
    prompt_id: str
    number: int | None
    """{index}; None where the pattern has none."""
    notes: tuple[str, ...]


@dataclass
class _RunFiles:
    """What one run has so far."""

    folder: Path
    variant: str
    found: list[_Fields] = field(default_factory=list)


def claims(folder: Path) -> str | None:
    """Never: only --pattern says what a name means."""
    return None


def read(folder: Path, context: ReadContext) -> tuple[RunContents, ...]:
    """The runs below `folder`, one per {run}; one in all where the pattern has no {run}.

    Raises `PatternMismatch` at the first picture that should fit and does not, and `PatternError`
    when there is no pattern.
    """
    pattern = context.pattern
    if pattern is None:
        raise PatternError("", "--layout pattern needs --pattern to say what names mean")
    tree = list_tree(folder, without=context.other_runs)
    beside = tree.names_beside_samples()
    runs: dict[tuple[Path, str], _RunFiles] = {}
    problems, skipped = list(tree.problems), list(tree.skipped)
    elsewhere: list[tuple[ListedFile, Mismatch]] = []
    for file in tree.files:
        other = rule_by_suffix(file, with_videos=True)
        if other is not None:
            is_prompt = file.name.endswith(".txt") or file.name in PROMPT_FILES
            skipped.append(file.skipped("prompt_text" if is_prompt else other))
            continue
        values = match_path(pattern, file.parts)
        if isinstance(values, Mismatch):
            if values.part == len(pattern.parts) - 1 == len(file.parts) - 1:
                raise PatternMismatch(pattern.text, file.path, values.why)
            elsewhere.append((file, values))
            continue
        fields = _values_to_fields(file, values)
        if isinstance(fields, Problem):
            problems.append(fields)
        else:
            own = _run_files(folder, pattern, file, values)
            runs.setdefault((own.folder, own.variant), own).found.append(fields)
    if not runs and elsewhere:
        file, mismatch = elsewhere[0]
        raise PatternMismatch(pattern.text, file.path, mismatch.why)
    skipped += [file.skipped(OUTSIDE_RULE) for file, _ in elsewhere]
    contents = [
        _to_contents(runs[key], folder, context, beside, pattern) for key in sorted(runs)
    ] or [RunContents(Run(context.run_name, folder, NAME, _reason(pattern)), (), ())]
    contents[0] = replace(
        contents[0],
        problems=(*problems, *contents[0].problems),
        skipped=(*skipped, *contents[0].skipped),
    )
    return tuple(contents)


def _reason(pattern: PathPattern) -> str:
    return f"--pattern {pattern.text} asks for it"


def _run_files(
    root: Path, pattern: PathPattern, file: ListedFile, values: Mapping[str, str]
) -> _RunFiles:
    """A run named by a folder is that folder; one named by the files is a variant of the root."""
    depth = pattern.run_depth
    if depth is None:
        return _RunFiles(root, values.get("run", ""))
    return _RunFiles(root.joinpath(*file.parts[:depth]), "")


def _values_to_fields(file: ListedFile, values: Mapping[str, str]) -> _Fields | Problem:
    step, epoch, index = (
        int(values[name]) if name in values else None for name in ("step", "epoch", "index")
    )
    notes = ("step_is_epoch",) if step is None else ()
    place = (epoch or 0) if step is None else step
    return file.refused_step(max(place, epoch or 0, index or 0)) or _Fields(
        file, place, epoch, sys.intern(values["prompt_id"]), index, notes
    )


def _to_contents(
    own: _RunFiles,
    root: Path,
    context: ReadContext,
    beside: NamesByFolder,
    pattern: PathPattern,
) -> RunContents:
    book, advice = _read_book(own.folder, root, context, beside)
    pictures, problems = _number_pictures(own.found)
    told = attach_texts(pictures, text_finder(beside, book))
    if pictures and "step" not in pattern.fields:
        advice.append("the pattern has no {step}: what is called a step here is an epoch.")
    return RunContents(
        Run(_run_name(own, root, context), own.folder, NAME, _reason(pattern), variant=own.variant),
        told.pictures,
        told.prompts,
        (*problems, *told.problems),
        (),
        (
            *advice,
            *told.advice,
            *advice_on_untold(told.untold, WHAT_TO_DO),
            *advice_on_user_prompts(told.prompts, context.user_prompts),
        ),
    )


def _run_name(own: _RunFiles, root: Path, context: ReadContext) -> str:
    if own.folder != root:
        return own.folder.relative_to(root).as_posix()
    return f"{context.run_name}@{own.variant}" if own.variant else context.run_name


def _read_book(
    folder: Path, root: Path, context: ReadContext, beside: NamesByFolder
) -> tuple[PromptBook, list[str]]:
    """The prompt file of the run's folder, then that of the folder that was given."""
    own, advice = load_own_prompts(folder, beside)
    sources, refused = [own.prompts], list(own.refused)
    if folder != root:
        shared, more = load_own_prompts(root, beside)
        sources.append(shared.prompts)
        refused += shared.refused
        advice += more
    return prompts_to_book(context.user_prompts, *sources, refused=refused), advice


def _number_pictures(found: Sequence[_Fields]) -> tuple[Sequence[Picture], list[Problem]]:
    """Pictures with their index; without {index} those of one step and prompt are counted in
    order of their paths, as they come."""
    pictures: list[Picture] = []
    counts: dict[tuple[int, str], int] = {}
    for one in found:
        index = one.number
        if index is None:
            index = counts.get((one.step, one.prompt_id), 0)
            counts[one.step, one.prompt_id] = index + 1
        file = one.file
        pictures.append(
            Picture(
                *(file.folder, file.name, one.step, one.prompt_id),
                *(index, "only", one.epoch),
                notes=one.notes,
            )
        )
    firsts = first_of_each(pictures)
    return firsts.pictures, [_same_place_problem(*pair) for pair in firsts.repeated]


def _same_place_problem(picture: Picture, first: Picture) -> Problem:
    return Problem(
        picture.path,
        "name",
        "same_prompt_and_index",
        f"{first.name} is already picture {picture.image_index} of prompt {picture.prompt_id!r} at "
        f"step {picture.step}; remove one, or tell them apart by another field.",
    )
