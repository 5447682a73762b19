"""Which prompts of a model's runs get a card, and in which runs.

Invariant: the choice needs how each prompt went and no picture, so that only the chosen prompts'
pictures are ever read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from clipstore.report.promptchoice import (
    DifferingChoice,
    TabChoice,
    courses_to_differing,
    courses_to_middle,
    courses_to_tabs,
    texts_to_draw,
)

MAX_CARDS_FOR_ALL = 160
"""Up to here every run has a card of every prompt that any run's tabs chose, for the view across
runs; beyond, only of the prompts on which runs differ most."""


@dataclass(frozen=True)
class CardChoice:
    """Of one model's runs; texts by `text_id`."""

    courses: Mapping[str, pl.DataFrame]
    """By run, its rows of `promptchoice.scores_to_courses`; runs without a score have none."""
    tabs: Mapping[str, tuple[TabChoice, ...]]
    """By run."""
    differing: DifferingChoice
    for_all: frozenset[int]
    """Texts that have a card in every run that has them."""
    middle: int
    """The text whose pictures stand beside every verdict."""
    mini_texts: Mapping[str, int]
    """By run, the text whose pictures stand beside its verdict: `middle` where the run has it."""

    def wanted(self) -> pl.DataFrame:
        """run and text_id of every card and of the pictures beside the verdicts."""
        return pl.DataFrame(
            [
                (run, text_id)
                for run, rows in self.courses.items()
                for text_id in sorted(
                    {*self.for_all, *texts_of(self.tabs[run]), self.mini_texts[run]}
                    & set(rows["text_id"])
                )
            ],
            schema={"run": pl.String, "text_id": pl.Int64},
            orient="row",
        )


def choose_cards(courses: pl.DataFrame, runs: Collection[str]) -> CardChoice | None:
    """`courses` of one model as `promptchoice.scores_to_courses` gives them, by run; `runs`: those
    on the page. None where none of them has a score."""
    on_page = set(courses["run"].unique().to_list()) & set(runs)
    courses = courses.filter(pl.col("run").is_in(sorted(on_page)))
    if courses.is_empty():
        return None
    by_run = {str(key[0]): rows for key, rows in courses.partition_by("run", as_dict=True).items()}
    draw = texts_to_draw(courses["text_id"].unique().to_list())
    tabs = {run: courses_to_tabs(rows, draw) for run, rows in by_run.items()}
    differing = courses_to_differing(courses)
    chosen = {text_id for each in tabs.values() for text_id in texts_of(each)}
    for_all = set(differing.text_ids)
    if len(by_run) * len(chosen | for_all) <= MAX_CARDS_FOR_ALL:
        for_all |= chosen
    middle = courses_to_middle(courses)
    return CardChoice(
        courses=by_run,
        tabs=tabs,
        differing=differing,
        for_all=frozenset(for_all),
        middle=middle,
        mini_texts={
            run: middle if middle in set(rows["text_id"]) else courses_to_middle(rows)
            for run, rows in by_run.items()
        },
    )


def texts_of(tabs: Iterable[TabChoice]) -> list[int]:
    """In the tabs' order, each once."""
    return list(dict.fromkeys(text_id for tab in tabs for text_id in tab.text_ids))
