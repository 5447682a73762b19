"""Every panel that the page wants to show, each with what the page would miss without it.

Invariant: equal pixels are one picture, whatever file, step or run they are in, so that a base
model's picture is read and stored once. Which pictures give way to the size cap depends on their
worth alone, never on the order of asking.
"""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from clipstore.report.carddata import PagePicture, Pictures
from clipstore.report.thumbnails import (
    FRAME_PX,
    LARGE_PX,
    LEFT_OUT_BY_REQUEST,
    LEFT_OUT_FOR_SIZE,
    MINI_PX,
    MadePanel,
    NoThumbnail,
    PanelSink,
    PanelWish,
    Thumbnail,
    make_panels,
    thumbnail_bytes,
)
from clipstore.types import Box

TYPICAL_FRAME_BYTES = 8_000
"""A photograph of `FRAME_PX` as a data URL; larger versions are not even made where the frames
alone would fill the page."""


class Tier(IntEnum):
    """What goes first onto the page. "Ends" are a card's base and last picture, "strip" the frames
    between; runs to act on are those to abandon and those to judge by eye."""

    BESIDE_VERDICT = 0
    ENDS_TO_ACT_ON = 1
    """Worst and best of the runs to act on."""
    ENDS = 2
    """Worst and best of the other runs."""
    ENDS_WHERE_RUNS_DIFFER = 3
    """The prompts on which runs differ most, in every run."""
    STRIP_TO_ACT_ON = 4
    ENDS_OF_TABS = 5
    """All other tabs."""
    STRIP = 6
    STRIP_OF_TABS = 7
    ENDS_OF_OTHER_RUNS = 8
    """Prompts that another run's tabs chose."""
    STRIP_OF_OTHER_RUNS = 9


class Worth(NamedTuple):
    """Smaller comes first."""

    tier: Tier
    row: int
    """The run's place in its model's verdict table."""
    place: int
    """Of the card among the run's."""


@dataclass(frozen=True)
class Panel:
    """One scored panel of a file."""

    path: Path
    """Absolute."""
    path_in_run: str
    box: Box
    crop_id: int
    """Identity of its pixels."""


class PanelsBeside(NamedTuple):
    """Whole panels as files of their own."""

    folder_link: str
    """The folder as the page links it: relative, percent-encoded."""
    sink: PanelSink
    """Takes them."""


@dataclass(frozen=True)
class PictureWishes:
    """How the user wants pictures on the page."""

    embed: bool = True
    panels: PanelsBeside | None = None
    """Whole panels beside the page; None for none."""
    link_files_from: Path | None = None
    """The page's own folder, absolute, where the trainer's files shall be linked; else None."""


EMBEDDED = PictureWishes()
"""As much as the size allows, nothing beside the page."""


@dataclass
class _Entry:
    panel: Panel
    is_mini: bool
    worth: Worth


class PictureRegister:
    """Gives each picture its number."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._numbers: dict[tuple[int, bool], int] = {}

    def number(self, panel: Panel, worth: Worth) -> int:
        """The picture's number; asked for again, the higher worth of the two holds."""
        is_mini = worth.tier == Tier.BESIDE_VERDICT
        number = self._numbers.setdefault((panel.crop_id, is_mini), len(self._entries))
        if number == len(self._entries):
            self._entries.append(_Entry(panel, is_mini, worth))
        elif worth < self._entries[number].worth:
            self._entries[number].worth = worth
        return number

    def to_pictures(
        self, wishes: PictureWishes, *, shown: Set[int], budget_bytes: int, now_ns: int
    ) -> Pictures:
        """Reads the files of the numbers that are `shown` anywhere; the others are left out. Small
        versions come first, by worth; what is left of the budget goes into larger ones of the
        cards' base and last pictures."""
        by_worth = sorted(shown, key=lambda i: (self._entries[i].worth, i))
        ordered = [self._entries[i] for i in by_worth]
        made = _make(ordered, wishes, budget_bytes, now_ns)
        listed = {
            i: _page_picture(entry, panel, wishes)
            for i, entry, panel in zip(by_worth, ordered, made, strict=True)
        }
        left_out = LEFT_OUT_FOR_SIZE if wishes.embed else LEFT_OUT_BY_REQUEST
        return Pictures(
            tuple(
                listed[i] if i in listed else _absent(entry.panel, left_out)
                for i, entry in enumerate(self._entries)
            ),
            tuple(by_worth),
        )


def _make(
    entries: Sequence[_Entry], wishes: PictureWishes, budget_bytes: int, now_ns: int
) -> list[MadePanel]:
    """By worth, as `entries` are."""
    sink = None if wishes.panels is None else wishes.panels.sink
    if not wishes.embed and sink is None:
        return [MadePanel(LEFT_OUT_BY_REQUEST, None)] * len(entries)
    has_room = len(entries) * TYPICAL_FRAME_BYTES < budget_bytes
    made = make_panels(
        [
            PanelWish(
                entry.panel.path,
                entry.panel.box,
                MINI_PX if entry.is_mini else FRAME_PX,
                LARGE_PX if has_room and _may_grow(entry) else None,
                None if entry.is_mini or sink is None else _full_name(entry.panel),
            )
            for entry in entries
        ],
        budget_bytes=budget_bytes,
        now_ns=now_ns,
        sink=sink,
    )
    if not wishes.embed:
        return [
            replace(panel, small=LEFT_OUT_BY_REQUEST, large=None)
            if thumbnail_bytes(panel.small)
            else panel
            for panel in made
        ]
    left_bytes = budget_bytes - sum(thumbnail_bytes(panel.small) for panel in made)
    grown = []
    for panel in made:
        if panel.large is not None:
            left_bytes -= thumbnail_bytes(panel.large) - thumbnail_bytes(panel.small)
        grown.append(panel if left_bytes >= 0 else replace(panel, large=None))
    return grown


def _may_grow(entry: _Entry) -> bool:
    return entry.worth.tier in (Tier.ENDS_TO_ACT_ON, Tier.ENDS, Tier.ENDS_OF_TABS)


def _full_name(panel: Panel) -> str:
    return f"{panel.crop_id:016x}.webp"


def _absent(panel: Panel, why: NoThumbnail) -> PagePicture:
    return PagePicture(why, None, panel.path_in_run, panel.box.width_px, panel.box.height_px)


def _page_picture(entry: _Entry, made: MadePanel, wishes: PictureWishes) -> PagePicture:
    panel = entry.panel
    can_be_read = isinstance(made.small, Thumbnail) or not made.small.is_fault_of_file
    return PagePicture(
        image=made.small if made.large is None else made.large,
        smaller=made.small
        if made.large is not None and isinstance(made.small, Thumbnail)
        else None,
        path=panel.path_in_run,
        width_px=panel.box.width_px,
        height_px=panel.box.height_px,
        panel_file=(
            f"{wishes.panels.folder_link}/{_full_name(panel)}"
            if wishes.panels is not None and can_be_read and not entry.is_mini
            else None
        ),
        whole_file=(
            relative_link(panel.path, wishes.link_files_from)
            if wishes.link_files_from is not None and panel.path.is_file()
            else None
        ),
    )


def relative_link(path: Path, folder: Path) -> str:
    """From a page in `folder` to `path`, both absolute: percent-encoded, and never to be read as a
    scheme or as absolute."""
    link = Path(os.path.relpath(path, folder)).as_posix()
    return quote(link if link.startswith("../") else f"./{link}")
