"""Keeping the page under its size: which pictures go, and how many went.

Invariant: pictures give way in the reverse order of their worth, the larger versions before any
picture goes, and the page can always say how many are missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from clipstore.report.carddata import PagePicture, Pictures
from clipstore.report.data import ReportData
from clipstore.report.thumbnails import (
    LEFT_OUT_BY_REQUEST,
    LEFT_OUT_FOR_SIZE,
    Thumbnail,
    thumbnail_bytes,
)


class PictureCounts(NamedTuple):
    """Pictures that the page would show, each counted once."""

    n_all: int
    n_embedded: int
    n_beside: int
    """Not embedded, but there as files beside the page."""
    n_left_out: int
    """For the size, and not beside it either."""
    n_not_asked_for: int
    """As above."""
    n_large: int
    """Of those embedded, the ones in the larger size."""
    n_unreadable: int
    """Their files are gone, broken or changed."""


def count_pictures(pictures: Pictures) -> PictureCounts:
    embedded = [each for each in pictures.listed if isinstance(each.image, Thumbnail)]
    others = [each for each in pictures.listed if not isinstance(each.image, Thumbnail)]
    absent = [each.image for each in others if each.panel_file is None]
    n_left_out = absent.count(LEFT_OUT_FOR_SIZE)
    n_not_asked_for = absent.count(LEFT_OUT_BY_REQUEST)
    return PictureCounts(
        n_all=len(pictures.listed),
        n_embedded=len(embedded),
        n_beside=len(others) - len(absent),
        n_left_out=n_left_out,
        n_not_asked_for=n_not_asked_for,
        n_large=sum(each.smaller is not None for each in embedded),
        n_unreadable=len(absent) - n_left_out - n_not_asked_for,
    )


def drop_last_thumbnails(data: ReportData, n_bytes: int) -> ReportData:
    """The same page with pictures made smaller, then left out, the least worth first, until they
    made up `n_bytes`."""
    listed = list(data.pictures.listed)
    for smaller_first in (True, False):
        for number in reversed(data.pictures.by_worth):
            if n_bytes <= 0:
                break
            before = listed[number]
            listed[number] = _shrunk(before) if smaller_first else _left_out(before)
            n_bytes -= thumbnail_bytes(before.image) - thumbnail_bytes(listed[number].image)
    return replace(data, pictures=replace(data.pictures, listed=tuple(listed)))


def _shrunk(picture: PagePicture) -> PagePicture:
    if picture.smaller is None:
        return picture
    return replace(picture, image=picture.smaller, smaller=None)


def _left_out(picture: PagePicture) -> PagePicture:
    if not isinstance(picture.image, Thumbnail):
        return picture
    return replace(picture, image=LEFT_OUT_FOR_SIZE, smaller=None)
