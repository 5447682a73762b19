"""The prompt cards of one model's runs, and the small pictures beside its verdicts.

Invariant: pictures are chosen by rule, never by eye: the panel that was scored, the first picture
of a prompt, the steps that `filmstrip` picks, and the base model's picture of the same prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

import polars as pl

from clipstore.findings import Verdict
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
from clipstore.report.promptchoice import (
    TabChoice,
    courses_to_differing,
    courses_to_middle,
    courses_to_tabs,
    scores_to_courses,
)
from clipstore.types import TRAINED_PANELS

MAX_CARDS_FOR_ALL = 160
"""Up to here every run has a card of every prompt that any run's tabs chose, for the view across
runs; beyond, only of the prompts on which runs differ most."""
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


def tables_to_cards(
    verdicts: Sequence[Verdict],
    tables: ModelTables,
    roots: Mapping[str, PurePath],
    register: PictureRegister,
) -> ModelCards:
    """`verdicts` in the page's order. Reads no file."""
    runs = [verdict.run for verdict in verdicts]
    scored = sorted(set(tables.scores["run"].unique().to_list()) & set(runs))
    trained = tables.scores.filter(
        pl.col("run").is_in(scored)
        & pl.col("panel").is_in(TRAINED_PANELS)
        & pl.col("cosine").is_finite()
        & (pl.col("text").str.strip_chars() != "")
    )
    courses = scores_to_courses(trained)
    if courses.is_empty():
        return ModelCards((), None, {})
    by_run = {str(key[0]): rows for key, rows in courses.partition_by("run", as_dict=True).items()}
    tabs = {run: courses_to_tabs(by_run[run]) for run in runs if run in by_run}
    differing = courses_to_differing(courses)
    chosen = {text_id for each in tabs.values() for tab in each for text_id in tab.text_ids}
    for_all = set(differing.text_ids)
    if len(by_run) * len(chosen | for_all) <= MAX_CARDS_FOR_ALL:
        for_all |= chosen
    middle = courses_to_middle(courses)
    mini_texts = {
        run: middle if middle in set(rows["text_id"]) else courses_to_middle(rows)
        for run, rows in by_run.items()
    }
    wanted = pl.DataFrame(
        [
            (run, text_id)
            for run, rows in by_run.items()
            for text_id in sorted(
                {*for_all, *_texts_of(tabs[run]), mini_texts[run]} & set(rows["text_id"])
            )
        ],
        schema={"run": pl.String, "text_id": pl.Int64},
        orient="row",
    )
    maker = _CardMaker(
        CardRows(wanted, trained, tables, roots), register, frozenset(differing.text_ids)
    )
    prompts, strips = [], {}
    for place, verdict in enumerate(verdicts):
        if verdict.run not in by_run:
            continue
        strip = maker.strip(verdict, mini_texts[verdict.run], middle, place)
        if strip is not None:
            strips[verdict.run] = strip
        prompts.append(
            maker.run_prompts(
                verdict,
                by_run[verdict.run],
                tabs[verdict.run],
                for_all,
                place,
            )
        )
    shared = SharedPrompts(differing.text_ids, differing.n_candidates) if len(by_run) > 1 else None
    return ModelCards(tuple(prompts), shared, strips)


def _texts_of(tabs: Iterable[TabChoice]) -> list[int]:
    """In the tabs' order, each once."""
    return list(dict.fromkeys(text_id for tab in tabs for text_id in tab.text_ids))


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

    def __init__(
        self, rows: CardRows, register: PictureRegister, differing: frozenset[int]
    ) -> None:
        self._rows = rows
        self._register = register
        self._differing = differing

    def run_prompts(
        self,
        verdict: Verdict,
        courses: pl.DataFrame,
        tabs: Sequence[TabChoice],
        for_all: set[int],
        row: int,
    ) -> RunPrompts:
        in_tabs = _texts_of(tabs)
        own = set(courses["text_id"].to_list())
        others = sorted((for_all & own) - set(in_tabs))
        ends = set(_texts_of(tab for tab in tabs if tab.kind in ("worst", "best")))
        acts = verdict.verdict in TO_ACT_ON
        cards = []
        for place, text_id in enumerate([*in_tabs, *others]):
            if text_id in ends:
                tiers = _ACT if acts else _WORST_AND_BEST
            else:
                tiers = _TABS if place < len(in_tabs) else _OTHER_RUNS
            for_ends = tiers.ends
            if text_id in self._differing:
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

    def strip(self, verdict: Verdict, text_id: int, shared: int, row: int) -> MiniStrip | None:
        """First, middle and last picture of one prompt; of a run that fell, its peak instead of
        its middle, which is the step to go back to."""
        shown = self._rows.pictures(verdict.run, text_id)
        if not shown:
            return None
        peak = [p for p in shown[1:-1] if p.step == verdict.abandon.peak_step]
        middle = peak or shown[(len(shown) - 1) // 2 : (len(shown) + 1) // 2][:1]
        chosen = {p.step: p for p in (shown[0], *middle, shown[-1])}
        return MiniStrip(
            prompt=self._rows.prompt(text_id),
            is_shared=text_id == shared,
            steps=tuple(sorted(chosen)),
            is_peak=bool(peak),
            pictures=tuple(
                self._register.number(chosen[step].panel, Worth(Tier.BESIDE_VERDICT, row, i))
                for i, step in enumerate(sorted(chosen))
            ),
        )
