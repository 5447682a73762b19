"""SimpleTuner's picture names, of every version, to what they say.

Invariant: a name gives every reading that SimpleTuner could have meant, and only evidence from
outside the name picks between two. `step_500_ds_3_1024x1024.png` is picture 3 of "ds" since
v3.0.0 (2025-10-10) and the only picture of "ds_3" before. Forms and dates: SimpleTuner's history.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from clipstore.types import Size

Form = Literal["indexed", "plain", "tuple", "edge", "counter", "audio"]
"""indexed: v3.0.0 on; plain: v1.0 to v2.x; tuple and edge: 2024; counter: before 2024-04-20."""

INDEXED_SINCE = datetime(2025, 10, 10, tzinfo=UTC)
"""Release of the first version that writes the picture's index into the name."""

COUNTER_ID = "val_img"
VIDEO_SUFFIXES = frozenset({"mp4", "gif", "webm", "mov", "avi"})

_STEP = r"step_(?P<step>[0-9]+)"
_RES = r"(?P<w>[0-9]{1,6})x(?P<h>[0-9]{1,6})"
_NAME = r"_(?P<shortname>.*)"
_INDEX = r"_(?P<index>[0-9]{1,6})"

_COUNTER = re.compile(rf"{_STEP}_val_img{_INDEX}(?:_(?P<label>.+))?\.(?P<ext>png)", re.S)
_INDEXED = re.compile(
    rf"{_STEP}{_NAME}{_INDEX}_(?:{_RES}|unknown)\.(?P<ext>png|webp|jpg|mp4)", re.S
)
_PLAIN = re.compile(rf"{_STEP}{_NAME}_{_RES}\.(?P<ext>png)", re.S)
_TUPLE = re.compile(
    rf"{_STEP}{_NAME}_\((?P<w>[0-9]{{1,6}}), (?P<h>[0-9]{{1,6}})\)\.(?P<ext>png)", re.S
)
_EDGE = re.compile(rf"{_STEP}{_NAME}_(?P<w>[0-9]{{2,6}})\.(?P<ext>png)", re.S)
_AUDIO = re.compile(rf"{_STEP}{_NAME}{_INDEX}\.(?P<ext>wav)", re.S)
_BASE = re.compile(rf"(?P<shortname>.*)_{_RES}(?:{_INDEX})?\.(?P<ext>png|mp4)", re.S)
_OLD_BASE_VIDEO = re.compile(rf"(?P<shortname>.*){_INDEX}\.(?P<ext>mp4)", re.S)

_FORMS: tuple[tuple[Form, re.Pattern[str]], ...] = (
    ("counter", _COUNTER),
    ("indexed", _INDEXED),
    ("plain", _PLAIN),
    ("tuple", _TUPLE),
    ("edge", _EDGE),
    ("audio", _AUDIO),
)
_SLUG = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")


class Reading(NamedTuple):
    """One way to understand a name."""

    form: Form
    step: int
    shortname: str
    """With the adapter's suffix, if there is one. "val_img" for counters."""
    image_index: int | None
    """None where the form has none."""
    label: Size | None
    """The width and height in the name; None for "unknown" and where the form has none."""
    extension: str

    @property
    def is_picture(self) -> bool:
        return self.extension not in VIDEO_SUFFIXES and self.extension != "wav"


class BaseReading(NamedTuple):
    """A name in benchmarks/base_model/."""

    shortname: str
    label: Size | None
    image_index: int | None
    extension: str


class MediaRow(NamedTuple):
    """What validation_media.jsonl says of a file."""

    step: int
    shortname: str
    image_index: int


@lru_cache(maxsize=4096)  # enough for most runs, of which each name is asked up to five times
def name_to_readings(name: str) -> tuple[Reading, ...]:
    """All readings of a file name in validation_images/, the likeliest first; empty when it is
    none of SimpleTuner's."""
    return tuple(
        _match_to_reading(form, match)
        for form, pattern in _FORMS
        if (match := pattern.fullmatch(name)) is not None
    )


def base_name_to_reading(name: str) -> BaseReading | None:
    """The reading of a file name in benchmarks/base_model/, or None."""
    match = _BASE.fullmatch(name) or _OLD_BASE_VIDEO.fullmatch(name)
    if match is None:
        return None
    groups = match.groupdict()
    label = Size(int(groups["w"]), int(groups["h"])) if groups.get("w") else None
    index = groups["index"]
    return BaseReading(
        groups["shortname"], label, None if index is None else int(index), groups["ext"]
    )


def _match_to_reading(form: Form, match: re.Match[str]) -> Reading:
    groups = match.groupdict()
    width = groups.get("w")
    label = Size(int(width), int(groups.get("h") or width)) if width else None
    if form == "counter":
        label = _text_to_label(groups["label"] or "")
    index = groups.get("index")
    return Reading(
        form,
        int(groups["step"]),
        sys.intern(groups.get("shortname", COUNTER_ID)),
        None if index is None else int(index),
        label,
        sys.intern(groups["ext"]),
    )


def _text_to_label(text: str) -> Size | None:
    """ "1024", "1024x768" or "(1024, 768)"; None for anything else."""
    match = re.fullmatch(r"\(?([0-9]{1,6})(?:(?:x|, )([0-9]{1,6}))?\)?", text)
    return Size(int(match[1]), int(match[2] or match[1])) if match else None


def split_adapter(shortname: str, known_ids: Collection[str]) -> tuple[str, str]:
    """(prompt id, adapter slug); the slug is empty for pictures of the run itself.

    `__` is legal inside a user's own id, so only a known id is split off, at the last `__`.
    """
    if shortname in known_ids:
        return shortname, ""
    prompt_id, separator, slug = shortname.rpartition("__")
    if separator and prompt_id in known_ids and _SLUG.fullmatch(slug):
        return prompt_id, slug
    return shortname, ""


@dataclass(frozen=True)
class NameEvidence:
    """What decides between two readings of a name, strongest first."""

    media_rows: Mapping[str, MediaRow]
    """File name → the tracker's own record of it."""
    known_ids: Collection[str]
    """Prompt ids that have a text or that every run has."""
    base_ids: Collection[str]
    """Prompt ids of the benchmark pictures."""
    is_older: Callable[[str], bool]
    """Whether the file of this name was last written before `INDEXED_SINCE`; asked only about
    names that nothing else decides."""


@dataclass(frozen=True)
class ResolvedNames:
    """One reading per name."""

    readings: Mapping[str, Reading]
    guessed: tuple[str, ...]
    """Names that only their own numbering decided: contiguous from 0 reads as an index. Where 0
    is the only number there is no doubt: no version ended every id in _0."""


def resolve_names(names: Iterable[str], evidence: NameEvidence) -> ResolvedNames:
    """Pick one reading per name. Every name must have at least one.

    In order: the media log; a known prompt id; a benchmark picture's id; the form of the other
    names of the same step, which one version wrote; the file's age; contiguous numbering.
    """
    chosen: dict[str, Reading] = {}
    waiting: list[str] = []
    for name in names:
        reading = _by_evidence(name, name_to_readings(name), evidence)
        if reading is None:
            waiting.append(name)
        else:
            chosen[name] = reading

    forms_by_step: dict[int, set[Form]] = {}
    for reading in chosen.values():
        if reading.form in ("indexed", "plain"):
            forms_by_step.setdefault(reading.step, set()).add(reading.form)
    undecided: list[str] = []
    for name in waiting:
        options = name_to_readings(name)
        forms = forms_by_step.get(options[0].step, set())
        fitting = [option for option in options if option.form in forms]
        if len(fitting) == 1:
            chosen[name] = fitting[0]
        elif evidence.is_older(name):
            chosen[name] = _of_form(options, "plain")
        else:
            undecided.append(name)

    numbers = _shortname_to_numbers(
        _of_form(name_to_readings(name), "indexed") for name in undecided
    )
    guessed = []
    for name in undecided:
        options = name_to_readings(name)
        indexed = _of_form(options, "indexed")
        steps = numbers[indexed.shortname]
        is_index = all(found == set(range(len(found))) for found in steps)
        chosen[name] = indexed if is_index else _of_form(options, "plain")
        if any(found != {0} for found in steps):
            guessed.append(name)
    return ResolvedNames(chosen, tuple(guessed))


def _by_evidence(name: str, options: tuple[Reading, ...], evidence: NameEvidence) -> Reading | None:
    row = evidence.media_rows.get(name)
    if row is not None:
        for option in options:
            if (option.step, option.shortname, option.image_index) == row:
                return option
    if options[0].form == "counter":
        known = [option for option in options[1:] if option.shortname in evidence.known_ids]
        return known[0] if known else options[0]
    if len(options) == 1 or {option.form for option in options} != {"indexed", "plain"}:
        return options[0]
    for ids in (evidence.known_ids, evidence.base_ids):
        known = [option for option in options if _is_known(option, ids)]
        if len(known) == 1:
            return known[0]
    return None


def _is_known(option: Reading, ids: Collection[str]) -> bool:
    """A known id, or one with an adapter's suffix: adapters came after the index."""
    if option.form == "plain":
        return option.shortname in ids
    return split_adapter(option.shortname, ids)[0] in ids


def _of_form(options: Iterable[Reading], form: Form) -> Reading:
    return next(option for option in options if option.form == form)


def _shortname_to_numbers(readings: Iterable[Reading]) -> dict[str, list[set[int]]]:
    """The indices that each short name has, one set per step."""
    by_step: dict[tuple[str, int], set[int]] = {}
    for reading in readings:
        if reading.image_index is not None:
            key = (reading.shortname, reading.step)
            by_step.setdefault(key, set()).add(reading.image_index)
    numbers: dict[str, list[set[int]]] = {}
    for (shortname, _), found in by_step.items():
        numbers.setdefault(shortname, []).append(found)
    return numbers
