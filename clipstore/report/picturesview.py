"""What the pictures' sections show besides the data: counts, words and the scripts' JSON.

Invariant: what was left out is always said, with numbers; the markup made here is JSON that
cannot end its element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from clipstore.report.carddata import CardTab, RunPrompts, TabKind
from clipstore.report.cardsjson import (
    cards_to_value,
    cards_without_scripts,
    pictures_without_scripts,
)
from clipstore.report.data import ReportData
from clipstore.report.inert import json_for_script
from clipstore.report.minicurve import MiniCurve
from clipstore.report.numbertext import count_to_text
from clipstore.report.pagesize import PictureCounts, count_pictures
from clipstore.report.picturesjson import pictures_to_value
from clipstore.report.tabwords import NO_QUALITY, TAB_NAMES, strips_to_sentence, tab_to_sentence
from clipstore.report.thumbnails import LARGE_PX


@dataclass(frozen=True)
class ModelPictures:
    """One model's part."""

    curve: MiniCurve
    static_runs: tuple[RunPrompts, ...]
    """Those whose worst and best cards need no script."""
    strips_sentence: str
    """Which pictures stand beside the verdicts."""


@dataclass(frozen=True)
class PicturesView:
    """For the templates."""

    counts: PictureCounts
    sentence: str
    """How many pictures the page has and how many it does without."""
    models: tuple[ModelPictures, ...]
    """In the page's order."""
    cards_json: Markup
    pictures_json: Markup
    no_quality: str
    tab_names: Mapping[TabKind, str]
    tab_sentence: Callable[[CardTab, RunPrompts], str]


def data_to_pictures_view(data: ReportData) -> PicturesView:
    counts = count_pictures(data.pictures)
    return PicturesView(
        counts=counts,
        sentence=counts_to_sentence(counts),
        models=tuple(
            ModelPictures(
                MiniCurve.of_section(section),
                tuple(cards_without_scripts(section)),
                strips_to_sentence([row.strip for row in section.rows if row.strip is not None]),
            )
            for section in data.sections
        ),
        cards_json=Markup(json_for_script(cards_to_value(data))),
        pictures_json=Markup(
            json_for_script(pictures_to_value(data.pictures, pictures_without_scripts(data)))
        ),
        no_quality=NO_QUALITY,
        tab_names=TAB_NAMES,
        tab_sentence=tab_to_sentence,
    )


def counts_to_sentence(counts: PictureCounts) -> str:
    """Every picture that the cards and the verdict table would show, by what became of it."""
    if counts.n_all == 0:
        return "It has no pictures."
    text = f"{count_to_text(counts.n_embedded)} of {count_to_text(counts.n_all)} pictures are in it"
    if counts.n_large:
        text += f", {count_to_text(counts.n_large)} of them at up to {LARGE_PX} pixels"
    others = (
        (counts.n_beside, "lie beside it"),
        (counts.n_not_asked_for, "were not asked for"),
        (counts.n_left_out, "were left out for size"),
        (counts.n_unreadable, "could not be read"),
    )
    for number, what in others:
        if number:
            text += f"; {count_to_text(number)} {what}"
    return f"{text}." if counts.n_left_out else f"{text}; none was left out for size."
