"""The cards as a JSON value for the page's scripts.

Invariant: nothing that repeats stands in it twice, and no figure that follows from others stands in
it at all: a page of hundreds of runs has thousands of cards. Keys are short for the same reason;
`reports/app/carddata.js` says what they mean and unpacks them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set

from clipstore.report.carddata import (
    CardTab,
    Frame,
    PromptCard,
    PromptText,
    RunPrompts,
    TabKind,
)
from clipstore.report.data import ModelSection, ReportData
from clipstore.report.inert import visible_text
from clipstore.report.looks import BADGES
from clipstore.report.minicurve import PAD_PX, MiniCurve
from clipstore.report.picturesjson import numbers_without_entry
from clipstore.report.shortids import name_to_short_id
from clipstore.report.tabwords import (
    DIFFERING_NAME,
    TAB_NAMES,
    shared_to_sentence,
    tab_to_sentence,
)

MAX_SETTINGS = 5
"""In the head of a run's column: those that tell the most runs apart."""
STATIC_TABS: tuple[TabKind, ...] = ("worst", "best")
"""What stands in the page's text."""
MAX_STATIC_RUNS = 20
"""Runs whose cards stand there."""
UNITS_PER_COSINE = 10_000
"""A stored number is round(cosine * this)."""
NO_PICTURE = -1

Value = dict[str, object]


def cards_to_value(data: ReportData) -> list[Value]:
    """One entry a model, in the page's order."""
    names = [visible_text(name) for name in data.config.settings[:MAX_SETTINGS]]
    values = {
        row.verdict.run: [
            None if value is None else visible_text(value) for value in of_run[:MAX_SETTINGS]
        ]
        for row, of_run in zip(data.config_rows, data.config.values, strict=True)
    }
    absent = numbers_without_entry(data.pictures)
    return [_Packing(section, absent).value(names, values) for section in data.sections]


def cards_to_bytes(section: ModelSection, absent: Set[int]) -> tuple[int, ...]:
    """What each run's cards cost the page, a prompt counted with the first run that has it.
    `absent`: the numbers of pictures that have no entry of their own."""
    packing = _Packing(section, absent)
    costs, n_before = [], 0
    for run in section.prompts:
        new = list(packing.prompts.values())[n_before : packing.n_prompts_after[run.run]]
        n_before = packing.n_prompts_after[run.run]
        costs.append(_json_bytes(packing.run(run, [])) + _json_bytes(new))
    return tuple(costs)


def _json_bytes(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


class _Packing:
    """One model's cards on their way into JSON."""

    def __init__(self, section: ModelSection, absent: Set[int]) -> None:
        """`absent`: numbers of the pictures that have no entry of their own."""
        self._section = section
        self._absent = absent
        self.prompts: dict[int, Value] = {}
        """By text_id, in the order in which the cards first show them."""
        self.n_prompts_after: dict[str, int] = {}
        """By run, how many of them it and the runs before it have."""
        for run in section.prompts:
            for card in run.cards:
                if card.prompt.text_id not in self.prompts:
                    self.prompts[card.prompt.text_id] = _prompt(card.prompt, card.prompt_id)
            self.n_prompts_after[run.run] = len(self.prompts)
        self._places = {text_id: place for place, text_id in enumerate(self.prompts)}
        self._sentences: dict[str, int] = {}
        self._slugs = {row.verdict.run: BADGES[row.verdict.verdict].slug for row in section.rows}

    def value(self, settings: Sequence[str], values: Mapping[str, Sequence[str | None]]) -> Value:
        section = self._section
        curve = MiniCurve.of_section(section)
        value: Value = {
            "prompts": list(self.prompts.values()),
            "settings": settings,
            "units": UNITS_PER_COSINE,
            "words": {badge.slug: badge.word for badge in BADGES.values()},
            "tabs": TAB_NAMES,
            "curve": [curve.low, curve.high, curve.width, curve.height, PAD_PX],
            "band": curve.band_strip(),
            "runs": [self.run(run, values.get(run.run, [])) for run in section.prompts],
            "sentences": list(self._sentences),
        }
        if section.shared is not None and section.shared.differing:
            value["differing"] = {
                "name": DIFFERING_NAME,
                "how": shared_to_sentence(section.shared),
                "prompts": [self._places[t] for t in section.shared.differing if t in self._places],
            }
        return value

    def run(self, run: RunPrompts, settings: Sequence[str | None]) -> Value:
        # Most cards have the steps of the first one.
        steps = run.cards[0].steps if run.cards else ()
        return {
            "id": name_to_short_id(run.run),
            "name": visible_text(run.run),
            "slug": self._slugs[run.run],
            "step": run.step,
            "settings": settings,
            "steps": steps,
            "cards": [self._card(card, steps) for card in run.cards],
            "tabs": [self._tab(tab, run) for tab in run.tabs],
        }

    def _tab(self, tab: CardTab, run: RunPrompts) -> Value:
        how = self._sentences.setdefault(tab_to_sentence(tab, run), len(self._sentences))
        return {"kind": tab.kind, "how": how, "cards": tab.cards}

    def _card(self, card: PromptCard, steps: Sequence[int]) -> Value:
        prompt_id = visible_text(card.prompt_id)
        cosines = [_units(cosine) for cosine in card.cosines]
        value: Value = {
            "p": self._places[card.prompt.text_id],
            "c": cosines,
            "f": [self._frame(frame, card, cosines) for frame in card.frames],
        }
        if prompt_id != self.prompts[card.prompt.text_id]["name"]:
            value["i"] = prompt_id
        if card.steps != steps:
            value["s"] = card.steps
        if card.base_cosine is not None:
            value["a"] = _units(card.base_cosine)
        if card.n_images != 1:
            value["n"] = card.n_images
        if card.base is not None:
            value["b"] = [card.base.step, card.base.picture, _units(card.base.cosine)]
        return value

    def _frame(self, frame: Frame, card: PromptCard, cosines: Sequence[int]) -> list[int] | int:
        """[place of its step, picture, units]: without the units where they are the prompt's, the
        place alone where there is no picture either."""
        place = card.steps.index(frame.step)
        picture = NO_PICTURE if frame.picture in self._absent else frame.picture
        if _units(frame.cosine) != cosines[place]:
            return [place, picture, _units(frame.cosine)]
        return place if picture == NO_PICTURE else [place, picture]


def _prompt(prompt: PromptText, prompt_id: str) -> Value:
    value: Value = {
        "id": prompt.short_id,
        "name": visible_text(prompt_id),
        "text": visible_text(prompt.text),
    }
    if prompt.n_characters != len(prompt.text):
        value["n"] = prompt.n_characters
    if prompt.is_truncated:
        value["cut"] = 1
    if prompt.asks_for_words:
        value["asks"] = 1
    return value


def _units(cosine: float) -> int:
    return round(cosine * UNITS_PER_COSINE)


def cards_without_scripts(section: ModelSection) -> Sequence[RunPrompts]:
    """The runs whose worst and best cards stand in the page's text: the first of those to act on,
    else the first of the table."""
    to_act_on = [run for run in section.prompts if run.is_to_act_on]
    return to_act_on[:MAX_STATIC_RUNS] or section.prompts[:1]


def pictures_without_scripts(data: ReportData) -> frozenset[int]:
    """Numbers of the pictures on those cards and beside the verdicts."""
    on_cards = {
        frame.picture
        for section in data.sections
        for run in cards_without_scripts(section)
        for kind in STATIC_TABS
        for card in run.cards_of(kind)
        for frame in (*card.frames, *([] if card.base is None else [card.base]))
    }
    beside = {
        number
        for section in data.sections
        for row in section.rows
        if row.strip is not None
        for number in row.strip.pictures
    }
    return frozenset(on_cards | beside)
