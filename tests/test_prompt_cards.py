"""Which prompts and which pictures the page shows: by rules, each of which can be checked."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.report.carddata import Pictures, RunPrompts
from clipstore.report.data import ReportData
from clipstore.report.filmstrip import MAX_FRAMES, cosines_to_places
from clipstore.report.gather import gather_report
from clipstore.report.page import render_page
from clipstore.report.pagesize import count_pictures, drop_last_thumbnails
from clipstore.report.pictureregister import Panel, PictureRegister, PictureWishes, Tier, Worth
from clipstore.report.picturesview import counts_to_sentence
from clipstore.report.promptchoice import (
    courses_to_differing,
    courses_to_middle,
    courses_to_tabs,
    scores_to_courses,
    texts_to_draw,
)
from clipstore.report.thumbnails import LEFT_OUT_FOR_SIZE, Thumbnail, thumbnail_bytes
from clipstore.types import Box
from tests.packed import packed_tabs
from tests.picture_example import STEPS, colour, picture_data, picture_inputs
from tests.report_example import MODEL, NOW, rows_to_scores, scores_to_tables
from tests.test_thumbnails import decoded


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return picture_data(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def runs(data: ReportData) -> dict[str, RunPrompts]:
    return {run.run: run for run in data.sections[0].prompts}


def scores(rows: list[tuple[str, int, str, float]]) -> pl.DataFrame:
    """(run, step, prompt, cosine); a prompt's text id is the number in its name."""
    return pl.DataFrame(rows, ["run", "step", "prompt_id", "cosine"], orient="row").with_columns(
        text_id=pl.col("prompt_id").str.slice(1).cast(pl.Int64)
    )


def course(prompt: str, *cosines: float) -> list[tuple[str, int, str, float]]:
    return [("a", 100 * i, prompt, cosine) for i, cosine in enumerate(cosines, 1)]


def tabs_of(rows: list[tuple[str, int, str, float]]) -> dict[str, tuple[int, ...]]:
    courses = scores_to_courses(scores(rows))
    tabs = courses_to_tabs(courses, texts_to_draw(courses["text_id"]))
    return {tab.kind: tab.text_ids for tab in tabs}


# Which prompts


def test_each_tab_chooses_by_its_own_rule():
    rows = [
        *course("p1", 0.30, 0.30, 0.30, 0.10, 0.10),
        *course("p2", 0.20, 0.25, 0.30, 0.35, 0.40),
        *course("p3", 0.30, 0.20, 0.30, 0.20, 0.30),
        *course("p4", 0.26, 0.26, 0.26, 0.26, 0.26),
    ]
    tabs = tabs_of(rows)
    assert tabs["worst"] == (1, 4)
    assert tabs["best"] == (2, 3)
    assert tabs["improved"] == (2,)
    assert tabs["regressed"] == (1,)
    assert tabs["volatile"][0] == 3
    assert 4 not in tabs["volatile"]
    assert set(tabs["random"]) == {1, 2, 3, 4}


def test_a_steady_rise_is_not_volatile_however_steep():
    rows = [*course("p1", 0.1, 0.2, 0.3, 0.4), *course("p2", 0.20, 0.21, 0.20, 0.21)]
    assert tabs_of(rows)["volatile"][0] == 2


def test_a_prompt_without_a_score_at_the_last_step_is_in_no_tab():
    rows = [*course("p1", 0.1, 0.1), *course("p2", 0.05)]
    assert all(2 not in chosen for chosen in tabs_of(rows).values())


def test_the_random_prompts_do_not_depend_on_scores_or_on_other_prompts():
    few = tabs_of([row for i in range(1, 30) for row in course(f"p{i}", i / 100)])["random"]
    other = tabs_of([row for i in range(1, 30) for row in course(f"p{i}", 1 - i / 100)])["random"]
    without = tabs_of(
        [row for i in range(1, 30) if i != few[0] for row in course(f"p{i}", i / 100)]
    )["random"]
    assert few == other
    assert without[:3] == few[1:]


def test_a_run_that_is_low_everywhere_does_not_decide_where_runs_differ():
    rows = [
        ("a", 1, "p1", 0.30), ("b", 1, "p1", 0.10),
        ("a", 1, "p2", 0.31), ("b", 1, "p2", 0.11),
        ("a", 1, "p3", 0.20), ("b", 1, "p3", 0.12),
    ]  # fmt: skip
    chosen = courses_to_differing(scores_to_courses(scores(rows)))
    assert (chosen.text_ids[0], chosen.n_candidates) == (3, 3)


def test_a_prompt_of_one_run_only_differs_from_nothing():
    rows = [("a", 1, "p1", 0.3), ("a", 1, "p2", 0.2), ("b", 1, "p2", 0.4)]
    chosen = courses_to_differing(scores_to_courses(scores(rows)))
    assert (chosen.text_ids, chosen.n_candidates) == ((2,), 1)


def test_the_prompt_beside_the_verdicts_is_the_middle_one_of_those_that_most_runs_have():
    rows = [
        *(("a", 1, f"p{i}", i / 10) for i in range(1, 6)),
        *(("b", 1, f"p{i}", i / 10) for i in range(3, 6)),
    ]
    assert courses_to_middle(scores_to_courses(scores(rows))) == 4


# Which steps


def test_a_short_run_shows_every_step():
    assert cosines_to_places([0.1] * 5) == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("n_steps", [9, 10, 15, 16, 40, 199])
def test_frames_are_spaced_evenly_with_the_ends_and_the_highest(n_steps: int):
    for highest in range(n_steps):
        cosines = [0.2] * n_steps
        cosines[highest] = 0.3
        places = cosines_to_places(cosines)
        assert places[0] == 0
        assert places[-1] == n_steps - 1
        assert highest in places
        assert MAX_FRAMES - 1 <= len(places) <= MAX_FRAMES
    gaps = [b - a for a, b in pairwise(places)]
    assert max(gaps) <= 2 * (n_steps - 1) / (MAX_FRAMES - 1) + 1


# Which pictures


def test_a_card_has_the_base_picture_and_one_of_every_step(
    data: ReportData, runs: dict[str, RunPrompts]
):
    (worst, *_) = runs["long"].cards_of("worst")
    assert worst.prompt.text == "a bowl on a table"
    assert worst.base is not None
    assert tuple(frame.step for frame in worst.frames) == STEPS["long"]
    for frame in worst.frames:
        shown = decoded(data.pictures.listed[frame.picture].image).getpixel((96, 96))
        wanted = colour("long", 0, frame.step)
        assert max(abs(a - b) for a, b in zip(shown, wanted, strict=True)) <= 6


def test_the_base_picture_of_a_prompt_is_one_picture_for_all_steps_and_runs(
    runs: dict[str, RunPrompts],
):
    bases = {(card.prompt.text, card.base.picture) for run in runs.values() for card in run.cards}
    assert len(bases) == len({text for text, _ in bases})


def test_a_picture_that_was_scored_with_another_text_is_not_on_the_card(tmp_path: Path):
    verdicts, tables = picture_inputs(tmp_path)
    edited = (pl.col("run") == "long") & (pl.col("step") < 300) & (pl.col("prompt_id") == "p0")
    changed = replace(
        tables,
        prompt_step=tables.prompt_step.with_columns(
            text_id=pl.when(edited).then(pl.lit(7, pl.Int64)).otherwise("text_id"),
            text=pl.when(edited).then(pl.lit("a dish")).otherwise("text"),
        ),
    )
    data = gather_report(verdicts, changed, generated_at=NOW, version="0.1.0")
    (run,) = [run for run in data.sections[0].prompts if run.run == "long"]
    (card,) = [card for card in run.cards if card.prompt_id == "p0"]
    assert card.steps == (300, 400, 500)
    assert [frame.step for frame in card.frames] == [300, 400, 500]


def test_the_strip_beside_a_verdict_is_one_prompt_in_every_row(data: ReportData):
    strips = {row.verdict.run: row.strip for row in data.sections[0].rows}
    assert {run: strip.steps for run, strip in strips.items()} == {
        "long": (100, 300, 500),
        "short": (100, 200, 300),
    }
    assert len({strip.prompt.text for strip in strips.values()}) == 1
    assert all(strip.is_shared for strip in strips.values())


# How much of it


def without(pictures: Pictures) -> list[int]:
    return [i for i, each in enumerate(pictures.listed) if each.image == LEFT_OUT_FOR_SIZE]


def test_what_is_worth_least_gives_way_first_and_shrinks_before_it_goes(data: ReportData):
    bytes_now = sum(thumbnail_bytes(each.image) for each in data.pictures.listed)
    bytes_small = sum(thumbnail_bytes(each.smaller or each.image) for each in data.pictures.listed)
    assert bytes_small < bytes_now
    shrunk = drop_last_thumbnails(data, bytes_now - bytes_small)
    assert count_pictures(shrunk.pictures).n_large == 0
    assert without(shrunk.pictures) == []
    less = drop_last_thumbnails(data, bytes_now - bytes_small // 2)
    gone = without(less.pictures)
    assert gone
    order = data.pictures.by_worth
    assert sorted(order.index(i) for i in gone) == list(range(len(order) - len(gone), len(order)))


def test_equal_pixels_are_one_picture_with_the_higher_worth_of_its_places(tmp_path: Path):
    register = PictureRegister()

    def number(crop_id: int, tier: Tier) -> int:
        panel = Panel(tmp_path / f"{crop_id}.png", "x.png", Box(0, 0, 64, 64), crop_id)
        return register.number(panel, Worth(tier, 0, 0))

    strip = number(1, Tier.STRIP)
    tab = number(2, Tier.ENDS_OF_TABS)
    to_act_on = number(3, Tier.STRIP_TO_ACT_ON)
    assert number(1, Tier.ENDS_TO_ACT_ON) == strip
    assert number(1, Tier.STRIP_OF_OTHER_RUNS) == strip
    mini = number(1, Tier.BESIDE_VERDICT)
    pictures = register.to_pictures(
        PictureWishes(embed=False), shown={0, 1, 2, 3}, budget_bytes=0, now_ns=0
    )
    assert pictures.by_worth == (mini, strip, to_act_on, tab)


def test_the_pictures_beside_the_verdicts_are_worth_most(data: ReportData):
    beside = {i for row in data.sections[0].rows for i in row.strip.pictures}
    assert set(data.pictures.by_worth[: len(beside)]) == beside


def test_prompts_on_which_runs_differ_are_worth_more_than_other_tabs(tmp_path: Path):
    differs = {"a": 0.02, "b": -0.02}
    rows = [
        (run, step, f"p{i:02d}", f"text {i}", "only", 0.2 + 0.005 * i + shift * (i == 10))
        for run, shift in differs.items()
        for step in (100, 200)
        for i in range(20)
    ]
    scores = rows_to_scores(rows, MODEL)
    runs = scores.select("run_id", "run").unique().with_columns(planned_steps=pl.lit(200, pl.Int64))
    data = gather_report(
        verdicts_from_scores(scores, runs, {}),
        scores_to_tables(scores, tmp_path),
        generated_at=NOW,
        version="0.1.0",
        wishes=PictureWishes(embed=False),
    )
    (section,) = data.sections
    place = {number: i for i, number in enumerate(data.pictures.by_worth)}
    for run in section.prompts:
        ends = {card.prompt_id for kind in ("worst", "best") for card in run.cards_of(kind)}
        assert "p10" not in ends
        last = {card.prompt_id: place[card.frames[-1].picture] for card in run.cards}
        shared = {c.prompt_id for c in run.cards if c.prompt.text_id in section.shared.differing}
        others = [last[prompt] for prompt in last if prompt not in ends | shared]
        assert others
        assert last["p10"] < min(others)


def test_every_picture_is_accounted_for_in_a_sentence(tmp_path: Path):
    small = picture_data(tmp_path, size_cap_bytes=2_011_000)
    counts = count_pictures(small.pictures)
    assert counts.n_embedded > 0
    assert counts.n_left_out > 0
    assert counts.n_embedded + counts.n_left_out == counts.n_all
    assert counts_to_sentence(counts) == (
        f"{counts.n_embedded} of {counts.n_all} pictures are in it; {counts.n_left_out} were left "
        "out for size."
    )


def test_no_picture_stands_in_the_page_twice(data: ReportData):
    page = render_page(data)
    listed = json.loads(re.search(r'id="pictures-data">(.*?)</script>', page)[1])["of"]
    inside = [entry["u"] for entry in listed.values() if "u" in entry]
    shown = re.findall(r'data-picture="(\d+)"', page)
    assert inside
    assert shown
    assert len(inside) == len(set(inside))
    for number in shown:
        assert "u" not in listed[number]
    n_embedded = sum(isinstance(each.image, Thumbnail) for each in data.pictures.listed)
    n_beside_verdicts = sum(len(row.strip.pictures) for row in data.sections[0].rows)
    assert len(inside) + len(set(shown)) + n_beside_verdicts == n_embedded


def test_the_same_store_gives_the_same_bytes_however_the_threads_run(
    data: ReportData, tmp_path_factory: pytest.TempPathFactory
):
    again = picture_data(tmp_path_factory.mktemp("again"))
    assert render_page(again) == render_page(data)


def test_every_tab_says_how_it_chose_and_that_one_score_is_no_judgement(data: ReportData):
    cards = json.loads(re.search(r'id="cards-data">(.*?)</script>', render_page(data))[1])
    tabs = [tab for run in cards[0]["runs"] for tab in packed_tabs(cards[0], run)]
    assert {tab["kind"] for tab in tabs} == {
        "worst", "best", "improved", "regressed", "volatile", "random"
    }  # fmt: skip
    for tab in [*tabs, cards[0]["differing"]]:
        assert tab["how"].endswith("score says nothing about picture quality.")
    how = {tab["kind"]: tab["how"] for tab in tabs}
    assert how["worst"].startswith("The 3 lowest scores at step 300, of 6 prompts.")
    assert "(seed 1)" in how["random"]
