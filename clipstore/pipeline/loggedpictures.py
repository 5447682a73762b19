"""Pictures in logs to pictures of the run, each once.

Invariant: a picture that the run has as a file is that file, and one that TensorBoard and W&B both
have is TensorBoard's; the copies are skipped, each with what it is a copy of. Which is whose copy
is told here by run, step and prompt, as the trainer wrote them: nothing is decoded. Where a step is
not the trainer's the store tells it by the pixels later (`sql/merge/same_pixels.sql`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from clipstore.logged import KnownPicture, LoggedPicture
from clipstore.pipeline.runpaths import path_in_run
from clipstore.sources.listedfiles import step_problem
from clipstore.sources.prompts import prompts_to_book
from clipstore.sources.promptversions import attach_texts, no_text_problem
from clipstore.taggings import RunFacts, TagReading, all_taggings
from clipstore.types import Picture, Problem, Prompt, RunContents, Skipped

COPY_RULE = "copy_of_picture"
EPOCH_NOTE = "step_is_epoch"
AGAIN_RULE = "logged_again"
UNKNOWN_RULE = "tag_not_understood"
SOURCES = ("tensorboard", "wandb")
"""In the order in which they count, after the run's files."""
WHAT_TO_DO = "Pass --prompts FILE with these ids."

Outcome = tuple[Picture, ...] | Problem | Skipped


class Placed(NamedTuple):
    """What became of the pictures of one run's logs."""

    contents: RunContents
    """The run with those that are its own; every one of them in one state."""
    elsewhere: Mapping[str, Sequence[KnownPicture]]
    """Those of another variant of the run, which have no state yet."""


@dataclass(frozen=True)
class LoggedPlacing:
    """Places pictures of logs, with what the user gave."""

    user_prompts: tuple[Prompt, ...]
    """From --prompts FILE."""
    search_root: Path
    """The folder that was given to clipstore."""

    def place(self, contents: RunContents, known: Sequence[KnownPicture]) -> Placed:
        """The run with the pictures `known` of its logs."""
        if not known:
            return Placed(contents, {})
        ordered = sorted(known, key=lambda one: (_time(one), one.log, str(one.picture.path)))
        outcomes: dict[Path, Outcome] = {}
        elsewhere: dict[str, list[KnownPicture]] = {}
        prompts: dict[str, Prompt] = {prompt.prompt_id: prompt for prompt in contents.prompts}
        taken = _Taken(contents)
        facts = RunFacts(contents, self.user_prompts, self.search_root)
        for source in SOURCES:
            logged = [one for one in ordered if one.source == source]
            readings = [
                tagging.read([one.picture for one in logged], facts) for tagging in all_taggings()
            ]
            following = _following_steps([one.picture for one in logged])
            variants: dict[Path, str] = {}
            for reading in readings:
                variants |= reading.variants
                for prompt in reading.prompts:
                    prompts.setdefault(prompt.prompt_id, prompt)
            # Newest first: of two under one name and step the later one was drawn after a resume.
            for one in reversed(logged):
                path = one.picture.path
                if path in variants:
                    elsewhere.setdefault(variants[path], []).append(one)
                else:
                    outcomes[path] = _outcome(path, source, readings, taken, following.get(path))
        all_prompts = tuple(prompts.values())
        own = _with_outcomes(contents, outcomes, all_prompts, self.user_prompts)
        gone = {one.picture.path for some in elsewhere.values() for one in some}
        skipped = tuple(one for one in own.skipped if one.path not in gone)
        return Placed(replace(own, skipped=skipped), elsewhere)


class _Taken:
    """The places that pictures have, and by which: the pictures themselves, no path for each."""

    def __init__(self, contents: RunContents) -> None:
        self._run = contents.run
        self._files: dict[tuple[int, str], Picture] = {}
        self._files_of_prompt: dict[str, list[Picture]] = {}
        for one in contents.pictures:
            self._files.setdefault((one.step, one.prompt_id), one)
            if one.panel != "base":
                self._files_of_prompt.setdefault(one.prompt_id, []).append(one)
        self._logged: dict[tuple[int, str, int], tuple[str, Picture]] = {}

    def why_not(
        self,
        picture: Picture,
        path: Path,
        source: str,
        *,
        dated_before: bool,
        following: int | None,
    ) -> Skipped | None:
        """Why the logged picture at `path` does not count, if another has its place.

        `dated_before`: its step may be one before that of its file; `following` is the step of the
        next one under its tag, by which its file was there.
        """
        original = self._files.get((picture.step, picture.prompt_id))
        if original is None and dated_before:
            files = self._files_of_prompt.get(picture.prompt_id, [])
            if any(EPOCH_NOTE in one.notes for one in files):
                detail = "the run has files of this prompt, by epoch"
                return Skipped(path.parent, path.name, COPY_RULE, detail)
            end = math.inf if following is None else following
            original = min(
                (one for one in files if picture.step <= one.step < end),
                key=attrgetter("step", "name"),
                default=None,
            )
        rule, what = COPY_RULE, "same picture as"
        if original is None:
            key = (picture.step, picture.prompt_id, picture.image_index)
            its_source, original = self._logged.get(key, ("", None))
            if its_source == source:
                rule, what = AGAIN_RULE, "logged anew as"
        if original is None:
            return None
        detail = f"{what} {path_in_run(original.path, self._run)}"
        return Skipped(path.parent, path.name, rule, detail, copy_of=original.path)

    def add(self, picture: Picture, source: str) -> None:
        key = (picture.step, picture.prompt_id, picture.image_index)
        self._logged[key] = (source, picture)


def _following_steps(logged: Sequence[LoggedPicture]) -> dict[Path, int]:
    """By path the step of the next picture under the same tag, for those that have one."""
    steps: dict[str, set[int]] = {}
    for one in logged:
        steps.setdefault(one.tag, set()).add(one.step)
    after = {
        (tag, step): later for tag, some in steps.items() for step, later in pairwise(sorted(some))
    }
    return {one.path: after[one.tag, one.step] for one in logged if (one.tag, one.step) in after}


def _outcome(
    path: Path,
    source: str,
    readings: Sequence[TagReading],
    taken: _Taken,
    following: int | None,
) -> Outcome:
    reading = next((one for one in readings if path in one.pictures), None)
    found = None if reading is None else reading.pictures[path]
    if reading is None or found is None:
        return Skipped(path.parent, path.name, UNKNOWN_RULE)
    if isinstance(found, Problem):
        return found
    if found[0].step < 0:
        return Skipped(path.parent, path.name, UNKNOWN_RULE)
    bad = step_problem(path, found[0].step)
    if bad is not None:
        return bad
    is_before = path in reading.dated_before
    for picture in found:
        other = taken.why_not(picture, path, source, dated_before=is_before, following=following)
        if other is not None:
            return other
    for picture in found:
        taken.add(picture, source)
    return found


def _time(one: KnownPicture) -> float:
    seconds = one.picture.wall_time_s
    return 0.0 if math.isnan(seconds) else seconds


def _with_outcomes(
    contents: RunContents,
    outcomes: dict[Path, Outcome],
    prompts: tuple[Prompt, ...],
    user_prompts: tuple[Prompt, ...],
) -> RunContents:
    pictures = [one for some in outcomes.values() if isinstance(some, tuple) for one in some]
    pictures.sort(key=lambda one: (one.step, one.prompt_id, one.image_index))
    book = prompts_to_book(user_prompts, prompts, refused=())
    told = attach_texts(
        pictures,
        lambda one: book.find(one.prompt_id) or no_text_problem(one, book, WHAT_TO_DO),
    )
    known_ids = {prompt.prompt_id for prompt in contents.prompts}
    return replace(
        contents,
        pictures=(*contents.pictures, *told.pictures),
        prompts=(*contents.prompts, *(p for p in told.prompts if p.prompt_id not in known_ids)),
        problems=(
            *contents.problems,
            *told.problems,
            *(one for one in outcomes.values() if isinstance(one, Problem)),
        ),
        skipped=(
            *(one for one in contents.skipped if one.path not in outcomes),
            *(one for one in outcomes.values() if isinstance(one, Skipped)),
        ),
    )
