"""Keeping the page under its size: which pictures go, and how many went.

Invariant: pictures are dropped from the end of the page, so that the runs to act on keep theirs,
and the page can always say how many are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from clipstore.report.carddata import CardPicture, PromptCard
from clipstore.report.data import ReportData
from clipstore.report.thumbnails import LEFT_OUT_FOR_SIZE, Thumbnail


class PictureCounts(NamedTuple):
    """Pictures of the prompt cards."""

    n_all: int
    n_left_out: int


def count_pictures(data: ReportData) -> PictureCounts:
    """How many pictures the cards have and how many of them gave way to the size cap."""
    pictures = [shown for shown in _all_pictures(data)]
    left_out = [shown for shown in pictures if shown.picture == LEFT_OUT_FOR_SIZE]
    return PictureCounts(len(pictures), len(left_out))


def drop_last_thumbnails(data: ReportData, n_bytes: int) -> ReportData:
    """The same page with its last thumbnails left out until they made up `n_bytes`."""
    kept_bytes = sum(_url_bytes(shown) for shown in _all_pictures(data)) - n_bytes
    keeper = _Keeper(kept_bytes)
    sections = tuple(
        replace(
            section,
            prompts=tuple(
                replace(
                    run,
                    lowest=tuple(keeper.card(card) for card in run.lowest),
                    highest=tuple(keeper.card(card) for card in run.highest),
                )
                for run in section.prompts
            ),
        )
        for section in data.sections
    )
    return replace(data, sections=sections)


class _Keeper:
    """Passes pictures on, in the page's order, while their bytes last."""

    def __init__(self, left_bytes: int) -> None:
        self._left_bytes = left_bytes

    def card(self, card: PromptCard) -> PromptCard:
        return replace(card, base=self._shown(card.base), trained=self._shown(card.trained))

    def _shown(self, shown: CardPicture | None) -> CardPicture | None:
        if shown is None or not isinstance(shown.picture, Thumbnail):
            return shown
        self._left_bytes -= _url_bytes(shown)
        return shown if self._left_bytes >= 0 else replace(shown, picture=LEFT_OUT_FOR_SIZE)


def _all_pictures(data: ReportData) -> Iterator[CardPicture]:
    for section in data.sections:
        for run in section.prompts:
            for card in (*run.lowest, *run.highest):
                yield from (shown for shown in (card.base, card.trained) if shown is not None)


def _url_bytes(shown: CardPicture) -> int:
    return len(shown.picture.data_url) if isinstance(shown.picture, Thumbnail) else 0
