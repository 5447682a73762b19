"""Which prompts of a run are worth a look: chosen by rules that the page prints.

Invariant: scores of one text only are compared: a prompt whose text was edited begins anew. Ties
go by prompt id, so the same store gives the same choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import NamedTuple

import polars as pl

from clipstore.report.carddata import TabKind
from clipstore.types import content_id

N_CARDS = 3
"""Cards of a tab: enough to see a pattern, few enough that many runs fit on one page."""
N_RANDOM = 4
"""What all other tabs are to be held against; the same prompts in every run."""
N_DIFFERING = 3
"""Each is shown in every run."""
RANDOM_SEED = 1
MIN_CHANGES = 3
"""Changes from one validation to the next before a prompt may be called volatile."""


class TabChoice(NamedTuple):
    """One rule's prompts, the most telling first."""

    kind: TabKind
    text_ids: tuple[int, ...]
    n_candidates: int


class DifferingChoice(NamedTuple):
    """Prompts on which runs differ."""

    text_ids: tuple[int, ...]
    n_candidates: int


def scores_to_courses(trained: pl.DataFrame) -> pl.DataFrame:
    """One row per run and text that is there at the run's last step: how it went.

    `trained`: run, step, prompt_id, text_id and finite cosine of the trained panels of one model.
    Columns: run, text_id, prompt_id, step (the last), n_steps, first, last, change_sd (of the
    changes between neighbouring validations; null for fewer than two).
    """
    return (
        trained.sort("run", "text_id", "step", "prompt_id")
        .unique(["run", "text_id", "step"], keep="first", maintain_order=True)
        .with_columns(run_last=pl.col("step").max().over("run"))
        .group_by("run", "text_id", maintain_order=True)
        .agg(
            pl.col("prompt_id").last(),
            pl.col("step").last(),
            pl.col("run_last").first(),
            pl.len().alias("n_steps"),
            pl.col("cosine").first().alias("first"),
            pl.col("cosine").last().alias("last"),
            pl.col("cosine").diff().drop_nulls().std().alias("change_sd"),
        )
        .filter(pl.col("step") == pl.col("run_last"))
        .drop("run_last")
    )


def texts_to_draw(text_ids: Iterable[int]) -> Mapping[int, int]:
    """Which place each text has in the draw of the random prompts: by a hash of seed and text, so
    that a run which lacks one of the drawn prompts shares the others."""
    ranked = sorted(text_ids, key=lambda text_id: content_id(str(RANDOM_SEED), str(text_id)))
    return {text_id: place for place, text_id in enumerate(ranked)}


def courses_to_tabs(courses: pl.DataFrame, draw: Mapping[int, int]) -> tuple[TabChoice, ...]:
    """The tabs of one run, from its rows of `scores_to_courses`; those without a prompt left out.
    `draw`: as `texts_to_draw` gives it, of these texts at least.

    With fewer prompts than cards, none is both worst and best.
    """
    n_prompts = courses.height
    n_worst = min(N_CARDS, (n_prompts + 1) // 2)
    n_best = min(N_CARDS, n_prompts - n_worst)
    several = courses.filter(pl.col("n_steps") > 1).with_columns(
        change=pl.col("last") - pl.col("first")
    )
    moving = courses.filter((pl.col("n_steps") > MIN_CHANGES) & (pl.col("change_sd") > 0))
    tabs = (
        TabChoice("worst", _first(courses, "last", n_worst), n_prompts),
        TabChoice("best", _first(courses, "last", n_best, largest=True), n_prompts),
        TabChoice(
            "improved",
            _first(several.filter(pl.col("change") > 0), "change", N_CARDS, largest=True),
            several.height,
        ),
        TabChoice(
            "regressed",
            _first(several.filter(pl.col("change") < 0), "change", N_CARDS),
            several.height,
        ),
        TabChoice("volatile", _first(moving, "change_sd", N_CARDS, largest=True), moving.height),
        TabChoice("random", _drawn(courses, draw), n_prompts),
    )
    return tuple(tab for tab in tabs if tab.text_ids)


def courses_to_differing(courses: pl.DataFrame) -> DifferingChoice:
    """The texts whose last cosines spread most over the runs, once each run's mean is taken away,
    so that a run that is low everywhere does not decide."""
    spread = (
        courses.with_columns(own=pl.col("last") - pl.col("last").mean().over("run"))
        .group_by("text_id")
        .agg(
            pl.len().alias("n_runs"),
            (pl.col("own").max() - pl.col("own").min()).alias("range"),
            pl.col("prompt_id").min(),
        )
        .filter(pl.col("n_runs") > 1)
    )
    return DifferingChoice(_first(spread, "range", N_DIFFERING, largest=True), spread.height)


def courses_to_middle(courses: pl.DataFrame) -> int:
    """Of the texts that most runs have, the one whose mean over them is the middle one. There must
    be a row."""
    means = courses.group_by("text_id").agg(
        pl.len().alias("n_runs"), pl.col("last").mean().alias("mean")
    )
    common = means.filter(pl.col("n_runs") == pl.col("n_runs").max()).sort("mean", "text_id")
    return int(common["text_id"][(common.height - 1) // 2])


def _first(
    frame: pl.DataFrame, column: str, n_rows: int, *, largest: bool = False
) -> tuple[int, ...]:
    ordered = frame.sort(column, "prompt_id", "text_id", descending=[largest, False, False])
    return tuple(ordered["text_id"].head(n_rows).to_list())


def _drawn(courses: pl.DataFrame, draw: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(nsmallest(N_RANDOM, courses["text_id"].to_list(), key=draw.__getitem__))
