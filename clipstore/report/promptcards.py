"""The prompt cards of one model's runs, and the small pictures beside its verdicts.

Invariant: pictures are chosen by rule, never by eye: the panel that was scored, the first picture
of a prompt, the steps that `filmstrip` picks, and the base model's picture of the same prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

from clipstore.findings import Verdict
from clipstore.report.cardchoice import CardChoice, texts_of
from clipstore.report.carddata import (
    CardTab,
    Frame,
    MiniStrip,
    PromptCard,
    RunPrompts,
    SharedPrompts,
)
from clipstore.report.cardrows import CardRows, ModelTables, PictureRow
from clipstore.report.filmstrip import cosines_to_places
from clipstore.report.pictureregister import PictureRegister, Tier, Worth

TO_ACT_ON = ("abandon", "in band: judge by eye")
"""Verdicts that ask a person to do something; their pictures go first."""


@dataclass(frozen=True)
class ModelCards:
    """All cards of one model's runs."""

    prompts: tuple[RunPrompts, ...]
    """In the order of the verdicts; runs without a score are left out."""
    shared: SharedPrompts | None
    """None with a single run."""
    strips: Mapping[str, MiniStrip]
    """By run."""


def choice_to_cards(
    verdicts: Sequence[Verdict],
    choice: CardChoice | None,
    rows: ModelTables,
    roots: Mapping[str, PurePath],
    register: PictureRegister,
) -> ModelCards:
    """`verdicts` in the page's order; `rows` at least those of the chosen cards. Reads no file."""
    if choice is None:
        return ModelCards((), None, {})
    maker = _CardMaker(CardRows(choice.wanted(), rows, roots), register, choice)
    prompts, strips = [], {}
    for place, verdict in enumerate(verdicts):
        if verdict.run not in choice.courses:
            continue
        strip = maker.strip(verdict, place)
        if strip is not None:
            strips[verdict.run] = strip
        prompts.append(maker.run_prompts(verdict, place))
    shared = SharedPrompts(*choice.differing) if len(choice.courses) > 1 else None
    return ModelCards(tuple(prompts), shared, strips)


class _Tiers(NamedTuple):
    """Of one card's pictures."""

    ends: Tier
    strip: Tier


_ACT = _Tiers(Tier.ENDS_TO_ACT_ON, Tier.STRIP_TO_ACT_ON)
_WORST_AND_BEST = _Tiers(Tier.ENDS, Tier.STRIP)
_TABS = _Tiers(Tier.ENDS_OF_TABS, Tier.STRIP_OF_TABS)
_OTHER_RUNS = _Tiers(Tier.ENDS_OF_OTHER_RUNS, Tier.STRIP_OF_OTHER_RUNS)


class _CardMaker:
    """Cards out of rows; every picture they mention is registered with its worth."""

    def __init__(self, rows: CardRows, register: PictureRegister, choice: CardChoice) -> None:
        self._rows = rows
        self._register = register
        self._choice = choice

    def run_prompts(self, verdict: Verdict, row: int) -> RunPrompts:
        courses, tabs = self._choice.courses[verdict.run], self._choice.tabs[verdict.run]
        in_tabs = texts_of(tabs)
        own = set(courses["text_id"].to_list())
        others = sorted((self._choice.for_all & own) - set(in_tabs))
        ends = set(texts_of(tab for tab in tabs if tab.kind in ("worst", "best")))
        acts = verdict.verdict in TO_ACT_ON
        cards = []
        for place, text_id in enumerate([*in_tabs, *others]):
            if text_id in ends:
                tiers = _ACT if acts else _WORST_AND_BEST
            else:
                tiers = _TABS if place < len(in_tabs) else _OTHER_RUNS
            for_ends = tiers.ends
            if text_id in self._choice.differing.text_ids:
                for_ends = min(for_ends, Tier.ENDS_WHERE_RUNS_DIFFER)
            cards.append(
                self._card(
                    verdict.run,
                    text_id,
                    Worth(for_ends, row, place),
                    Worth(tiers.strip, row, place),
                )
            )
        places = {text_id: place for place, text_id in enumerate(in_tabs)}
        return RunPrompts(
            run=verdict.run,
            step=int(courses["step"][0]),
            is_to_act_on=acts,
            n_prompts=courses.height,
            cards=tuple(cards),
            tabs=tuple(
                CardTab(tab.kind, tuple(places[t] for t in tab.text_ids), tab.n_candidates)
                for tab in tabs
            ),
        )

    def _card(self, run: str, text_id: int, ends: Worth, between: Worth) -> PromptCard:
        course = self._rows.course(run, text_id)
        base = self._rows.base_picture(run, text_id)
        shown = self._rows.pictures(run, text_id)
        places = cosines_to_places([picture.cosine for picture in shown])
        return PromptCard(
            prompt_id=course.prompt_id,
            prompt=self._rows.prompt(text_id),
            steps=course.steps,
            cosines=course.cosines,
            base_cosine=self._rows.base_cosine(run, text_id),
            n_images=self._rows.n_images(run, text_id),
            base=None if base is None else self._frame(base, ends),
            frames=tuple(
                self._frame(shown[i], ends if i == len(shown) - 1 else between) for i in places
            ),
        )

    def _frame(self, picture: PictureRow, worth: Worth) -> Frame:
        return Frame(picture.step, picture.cosine, self._register.number(picture.panel, worth))

    def strip(self, verdict: Verdict, row: int) -> MiniStrip | None:
        """First, middle and last picture of one prompt; of a run that fell, its peak instead of
        its middle, which is the step to go back to."""
        text_id = self._choice.mini_texts[verdict.run]
        shown = self._rows.pictures(verdict.run, text_id)
        if not shown:
            return None
        peak = [p for p in shown[1:-1] if p.step == verdict.abandon.peak_step]
        middle = peak or shown[(len(shown) - 1) // 2 : (len(shown) + 1) // 2][:1]
        chosen = {p.step: p for p in (shown[0], *middle, shown[-1])}
        return MiniStrip(
            prompt=self._rows.prompt(text_id),
            is_shared=text_id == self._choice.middle,
            steps=tuple(sorted(chosen)),
            is_peak=bool(peak),
            pictures=tuple(
                self._register.number(chosen[step].panel, Worth(Tier.BESIDE_VERDICT, row, i))
                for i, step in enumerate(sorted(chosen))
            ),
        )
