"""Advice comes with the finding that gave rise to it, and with its numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from clipstore.analysis.advice import with_checkpoints
from clipstore.analysis.series import Floats
from clipstore.findings import Advice, AdviceKind, Verdict
from clipstore.sources.checkpoints import Checkpoint, list_checkpoints
from tests.curves import BAND, frame_of_matrix, noisy
from tests.test_verdict import T30, collapsing, verdict_of


def advice_of(cells: Floats, planned_steps: int | None = 3000) -> dict[AdviceKind, Advice]:
    return {each.kind: each for each in verdict_of(cells, planned_steps).advice}


def test_a_collapse_is_rolled_back_to_its_peak_with_both_numbers() -> None:
    verdict = verdict_of(collapsing())
    back, slower = verdict.advice
    assert (back.kind, back.because) == ("ROLL_BACK", "COLLAPSED")
    assert back.step == verdict.abandon.peak_step
    assert back.cosine == pytest.approx(0.33, abs=0.01)
    assert back.cosine_now == pytest.approx(0.25, abs=0.01)
    assert back.last_good_step == 1800
    assert (slower.kind, slower.because) == ("LOWER_LEARNING_RATE", "COLLAPSED")
    assert {back.text, slower.text} <= set(verdict.reasons)


def rolled_back(*steps: int) -> tuple[Verdict, Advice]:
    checkpoints = [Checkpoint(step, f"checkpoint-{step}") for step in steps]
    verdict = with_checkpoints(verdict_of(collapsing()), checkpoints)
    assert verdict.advice[0].text in verdict.reasons
    return verdict, verdict.advice[0]


def test_the_checkpoint_to_go_back_to_is_the_nearest_one_on_disk() -> None:
    peak = verdict_of(collapsing()).abandon.peak_step or 0
    _, advice = rolled_back(peak - 700, peak - 100, peak + 200, 3000)
    assert advice.checkpoint_step == peak - 100
    assert advice.checkpoint == f"checkpoint-{peak - 100}"
    assert f"checkpoint-{peak - 100}" in advice.text


def test_a_checkpoint_from_after_the_fall_is_no_place_to_go_back_to() -> None:
    verdict, advice = rolled_back(1900, 3000)
    assert (advice.checkpoint, advice.checkpoint_step) == (None, None)
    assert "no checkpoint from before the fall is left" in advice.text
    assert "checkpoint-1900" in advice.text
    assert not any(text.startswith("Roll back") for text in verdict.reasons)


def test_without_the_folder_the_step_alone_is_named() -> None:
    verdict = verdict_of(collapsing())
    assert with_checkpoints(verdict, []) == verdict
    assert "nearest to step" in verdict.advice[0].text


def test_checkpoints_are_found_by_name(tmp_path: Path) -> None:
    for name in ("checkpoint-1000", "checkpoint-500-rolling", "checkpoint-20-tmp", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "checkpoint-7").write_text("a file")
    assert list_checkpoints(tmp_path) == (
        Checkpoint(500, "checkpoint-500-rolling"),
        Checkpoint(1000, "checkpoint-1000"),
    )
    assert list_checkpoints(tmp_path / "nowhere") == ()


def test_a_poor_run_is_stopped_and_its_captions_are_looked_at() -> None:
    advice = advice_of(noisy(np.full(20, 0.18), 50))
    assert set(advice) == {"STOP", "CHECK_PAIRING"}
    assert {each.because for each in advice.values()} == {"STUCK_POOR"}
    assert set(advice_of(noisy(np.full(20, 0.245), 50))) == {"STOP"}


def test_a_run_whose_plan_is_done_is_not_told_of_what_is_left_of_it() -> None:
    going_on = advice_of(noisy(np.full(20, 0.245), 50))["STOP"]
    done = advice_of(noisy(np.full(30, 0.245), 50))["STOP"]
    assert "what is left of the plan" in going_on.text
    assert "Leave it at that" in done.text
    assert "left of the plan" not in done.text


def test_too_few_prompts_get_their_number() -> None:
    unsure = advice_of(noisy(np.full(30, 0.268), 10))["MORE_PROMPTS"]
    assert unsure.because == "UNSURE"
    assert (unsure.n_prompts or 0) > 10
    anecdote = advice_of(noisy(np.full(30, 0.33), 4))["MORE_PROMPTS"]
    assert (anecdote.because, anecdote.n_prompts) == ("TOO_FEW_PROMPTS", 8)


def test_an_unclear_trend_gets_the_validations_and_the_bound_they_would_reach() -> None:
    found = advice_of(noisy(np.full(8, 0.26), 6, 4, 0.04))
    advice = found["MORE_VALIDATIONS"]
    assert (found["MORE_PROMPTS"].n_prompts or 0) > 6
    assert (advice.n_validations or 0) >= 2
    assert advice.resolution_cosine == 0.02
    assert "± 0.020" in advice.text


def test_a_short_run_gets_the_validations_that_are_missing() -> None:
    advice = advice_of(noisy(np.full(3, 0.33), 50))["MORE_VALIDATIONS"]
    assert (advice.because, advice.n_validations) == ("TOO_SHORT", 2)


def with_base(cells: Floats, base_cosine: float) -> Verdict:
    base = frame_of_matrix(np.full((1, cells.shape[1]), base_cosine), panel="base", gap_steps=0)
    return verdict_of(pl.concat([frame_of_matrix(cells), base]))


def test_a_run_surely_below_its_own_base_is_slowed_down_and_its_captions_are_looked_at() -> None:
    stuck = noisy(np.full(30, 0.25), 50)
    (lower,) = [a for a in with_base(stuck, 0.29).advice if a.kind == "LOWER_LEARNING_RATE"]
    assert lower.because == "BELOW_BASE"
    assert lower.cosine == pytest.approx(0.29)
    assert lower.cosine_now == pytest.approx(0.25, abs=0.01)
    assert "LOWER_LEARNING_RATE" not in {a.kind for a in with_base(stuck, 0.24).advice}


def test_below_its_base_in_the_band_nothing_is_advised_but_to_look() -> None:
    in_band = with_base(noisy(np.full(30, 0.33), 50), 0.37)
    assert [advice.kind for advice in in_band.advice] == ["JUDGE_BY_EYE"]


def test_in_the_band_the_only_advice_is_to_look() -> None:
    advice = advice_of(noisy(np.full(30, 0.5 * (BAND.low_cosine + BAND.high_cosine)), 100))
    assert set(advice) == {"JUDGE_BY_EYE"}


def test_without_a_plan_the_option_is_named() -> None:
    assert (
        "--planned-steps" in advice_of(noisy(np.full(30, 0.25), 50), None)["SET_PLANNED_STEPS"].text
    )


def test_pictures_of_other_prompts_are_called_that() -> None:
    cells = noisy(np.full(20, 0.33), 40)
    lower = cells.copy()
    lower[9] -= 0.09
    cells[9] = np.random.default_rng(5).normal(0.18, 0.03, 40)
    advice = advice_of(cells)["CHECK_PICTURES"]
    assert (advice.because, advice.steps) == ("MIXED_UP_STEP", (1000,))
    assert "the pictures of step 1,000, which count for nothing" in advice.text
    assert "CHECK_PICTURES" not in advice_of(lower)


def test_a_run_that_goes_on_after_its_plan_needs_a_longer_one() -> None:
    verdict = verdict_of(noisy(0.2 + 0.002 * T30, 50), band=None)
    (advice,) = verdict.advice
    assert (advice.kind, advice.because, advice.step) == ("LONGER_PLAN", "RISING", 3000)


def test_a_rise_that_came_too_late_gets_the_steps_it_would_take() -> None:
    advice = advice_of(noisy(0.2 + 0.002 * T30, 50))["LONGER_PLAN"]
    assert advice.because == "TOO_SLOW"
    assert advice.step is not None and 3500 < advice.step < 5100  # .002 in 100 steps, at the least
