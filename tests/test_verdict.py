"""Runs go in as rows of scores; one verdict each comes out, with reasons in numbers."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats
from clipstore.analysis.verdict import ORDER, verdicts_from_scores
from clipstore.findings import Verdict
from clipstore.modelidentity import Band
from tests.curves import BAND, MODEL_ID, Study, frame_of_matrix, make_study, noisy, runs_frame
from tests.episode_runs import low_learner_studies, make_episode_study
from tests.shapes import SHAPES

T30 = np.arange(30, dtype=np.float64)


def verdict_of(
    cells: Floats | pl.DataFrame,
    planned_steps: int | None = 3000,
    band: Band | None = BAND,
    rules: Rules | None = None,
) -> Verdict:
    frame = cells if isinstance(cells, pl.DataFrame) else frame_of_matrix(cells)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (verdict,) = verdicts_from_scores(frame, runs_frame(planned_steps), {MODEL_ID: band}, rules)
    return verdict


def collapsing(n_prompts: int = 50) -> Floats:
    return noisy(0.33 - 0.08 * (T30 >= 18), n_prompts)


def test_a_run_stuck_below_the_band_is_abandoned_with_its_numbers() -> None:
    verdict = verdict_of(noisy(np.full(20, 0.245), 50))
    assert (verdict.verdict, verdict.abandon.reason) == ("abandon", "STUCK_BELOW_BAND")
    assert verdict.abandon.first_flag_step == 1800  # the first validation after 57 % of the plan
    assert verdict.abandon.steps_saved == 1200
    assert verdict.reasons[0].startswith(
        "clip/mean over 50 prompts has stayed under 0.30 for the last 20 validations; the last "
        "10 average 0.24"
    )
    assert "by the planned step 3,000" in verdict.reasons[0]
    assert any("step 1,800" in reason and "1,200 of 3,000" in reason for reason in verdict.reasons)
    assert verdict.what_it_would_take is None


def test_a_poor_run_is_called_poor() -> None:
    assert verdict_of(noisy(np.full(20, 0.18), 50)).abandon.reason == "STUCK_POOR"


def test_a_rise_that_cannot_reach_the_band_within_the_plan_is_not_told_to_keep_going() -> None:
    slow = noisy(0.20 + 0.0012 * T30, 200)
    late, early = verdict_of(slow), verdict_of(slow, 9000)
    assert (late.plateau.status, late.verdict) == ("rising", "cannot tell yet")
    assert "is rising too slowly: the planned 3,000 steps are done" in late.reasons[0]
    underway = verdict_of(slow, 4000)
    assert "after 75 % of the planned 4,000 steps not even the steepest" in underway.reasons[0]
    assert "reaches 0.30 within the plan" in underway.reasons[0]
    assert late.abandon.answer == "cannot tell yet" and "TOO_SLOW" in late.notes
    assert late.what_it_would_take is not None
    (steps,) = re.findall(r"at least ([\d,]+) steps", late.what_it_would_take)
    assert 4000 < int(steps.replace(",", "")) < 8000  # at 30 steps a thousandth: some 8,000
    assert early.verdict == "keep going"  # a third of its plan: runs bloom


def test_a_collapse_names_the_step_to_go_back_to() -> None:
    verdict = verdict_of(collapsing())
    assert (verdict.verdict, verdict.abandon.reason) == ("abandon", "COLLAPSED")
    assert verdict.abandon.peak_step is not None and verdict.abandon.peak_step <= 1800
    assert 2200 <= (verdict.abandon.first_flag_step or 0) <= 2500
    assert any("Roll back" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("level", [0.18, 0.245, 0.26, 0.34])
@pytest.mark.parametrize("shape", [0.0 * T30, 0.002 * T30, -0.1 * (T30 >= 18)])
def test_a_model_with_wider_cosines_gets_the_same_verdict_on_its_own_scale(
    level: float, shape: Floats
) -> None:
    """Scores and band stretched threefold and moved: nothing but the numbers may change."""
    cells = noisy(level + shape, 50)
    stretched = Band(
        *(3 * (edge - 0.22) for edge in (BAND.poor_below_cosine, BAND.low_cosine, BAND.high_cosine))
    )
    usual, wide = verdict_of(cells), verdict_of(3 * (cells - 0.22), band=stretched)
    assert (wide.verdict, wide.abandon, wide.notes) == (usual.verdict, usual.abandon, usual.notes)
    assert wide.plateau.status == usual.plateau.status
    assert wide.plateau.onset_step == usual.plateau.onset_step


def test_a_collapse_needs_no_plan() -> None:
    assert verdict_of(collapsing(), planned_steps=None).abandon.reason == "COLLAPSED"


def test_a_drop_of_three_validations_is_not_yet_a_collapse() -> None:
    verdict = verdict_of(collapsing()[:21])
    assert verdict.verdict == "cannot tell yet"
    assert "DROPPED_UNCONFIRMED" in verdict.notes
    assert "1 more validation:" in (verdict.what_it_would_take or "")


def test_a_dip_that_recovers_is_never_flagged() -> None:
    curve = 0.33 - 0.07 * ((T30 >= 15) & (T30 < 18))
    for seed in range(5):
        assert verdict_of(noisy(curve, 30, seed)).abandon.first_flag_step is None


def test_a_drop_counts_only_the_validations_that_are_down_by_all_of_it() -> None:
    curve = np.concatenate([np.full(12, 0.33), np.full(2, 0.297), np.full(3, 0.27)])
    verdict = verdict_of(noisy(curve, 200))
    assert verdict.abandon.first_flag_step is None
    assert "newest 3 validations" in verdict.reasons[0]


def test_a_drop_to_the_edge_of_the_band_is_not_a_collapse() -> None:
    verdict = verdict_of(noisy(np.concatenate([np.full(15, 0.345), np.full(15, 0.297)]), 50))
    assert verdict.abandon.first_flag_step is None
    assert verdict.plateau.location == "BORDERLINE"


def test_a_collapsed_run_that_comes_back_into_the_band_is_no_longer_flagged() -> None:
    curve = np.concatenate([np.full(12, 0.35), np.full(8, 0.285), np.full(10, 0.305)])
    verdict = verdict_of(noisy(curve, 100))
    assert verdict.abandon.first_flag_step is not None
    assert not verdict.abandon.flag


def test_a_run_that_was_near_the_band_is_not_called_stuck() -> None:
    verdict = verdict_of(noisy(np.concatenate([np.full(10, 0.30), np.full(20, 0.272)]), 200))
    assert (verdict.verdict, verdict.abandon.first_flag_step) == ("cannot tell yet", None)
    assert "its best was 0.30" in verdict.reasons[0]


def test_a_flag_waits_while_a_trend_that_fits_could_still_reach_the_band() -> None:
    stuck = frame_of_matrix(noisy(np.full(20, 0.272), 10, 4, 0.03), run="stuck")
    sibling = frame_of_matrix(noisy(np.full(30, 0.335), 10, 1), run="sibling")
    runs = pl.concat([runs_frame(3300, "stuck"), runs_frame(3000, "sibling")])
    verdicts = verdicts_from_scores(pl.concat([stuck, sibling]), runs, {MODEL_ID: BAND})
    verdict = {v.run: v for v in verdicts}["stuck"]
    assert verdict.verdict == "keep going"
    assert "the steepest trend that fits would stand at" in verdict.reasons[0]


def test_the_band_protects_a_run_whatever_it_lost() -> None:
    verdict = verdict_of(noisy(0.37 - 0.06 * (T30 >= 15), 100))
    assert (verdict.verdict, verdict.abandon.answer) == ("in band: judge by eye", "no")


def test_in_the_band_nothing_is_ranked() -> None:
    verdict = verdict_of(noisy(np.full(30, 0.33), 100))
    assert verdict.verdict == "in band: judge by eye"
    assert "judge by eye, do not rank" in verdict.reasons[0]


def test_a_late_bloomer_is_not_flagged_before_it_blooms() -> None:
    curve = 0.24 + 0.09 * np.clip((T30 - 15) / 6, 0, 1)
    for seed in range(5):
        assert verdict_of(noisy(curve, 50, seed)).abandon.first_flag_step is None


def test_a_bloom_after_the_patience_takes_the_flag_back() -> None:
    verdict = verdict_of(noisy(0.24 + 0.09 * np.clip((T30 - 22) / 4, 0, 1), 50))
    assert verdict.abandon.first_flag_step == 1800
    assert (verdict.abandon.flag, verdict.abandon.reason) == (False, None)
    assert "FLAG_WITHDRAWN" in verdict.notes


def test_a_flag_does_not_stand_against_a_rise_that_is_shown() -> None:
    slowly = np.concatenate([np.full(16, 0.24), 0.24 + 0.001 * np.arange(1.0, 15.0)])
    verdict = verdict_of(noisy(slowly, 60, seed=5, noise=0.012))
    assert verdict.abandon.first_flag_step == 1800
    assert (verdict.plateau.status, verdict.verdict) == ("rising", "cannot tell yet")


def test_a_flag_is_taken_back_by_the_same_prompts_whatever_others_might_score() -> None:
    """For any 60 prompts .24 may be .265, but these 60 rose to .257, and they are paired."""
    curve = np.concatenate([np.full(22, 0.24), np.full(8, 0.257)])
    verdict = verdict_of(noisy(curve, 60, seed=3))
    assert verdict.abandon.first_flag_step == 1800
    assert (verdict.abandon.flag, verdict.abandon.reason) == (False, None)
    assert "FLAG_WITHDRAWN" in verdict.notes


def test_a_run_that_dips_while_it_learns_is_not_stuck() -> None:
    """The run that was once flagged wrongly: demo run good-seed2, on its own model's scale."""
    curve = np.array(
        [0.193, 0.302, 0.376, 0.370, 0.448, 0.488, 0.383, 0.456, 0.539, 0.569, 0.625, 0.606]
    )
    wide = Band(0.296, 0.853, 1.0)
    for seed in range(8):
        cells = noisy(curve, 32, seed, noise=0.14)
        assert verdict_of(cells, planned_steps=1200, band=wide).abandon.first_flag_step is None


@pytest.mark.parametrize("n_prompts", [10, 200])
def test_runs_that_learn_slowly_below_the_band_are_let_learn(n_prompts: int) -> None:
    rising = 0.21 + 0.045 * (T30 + 1) / 30
    with_dip = rising - 0.03 * ((T30 >= 16) & (T30 < 20))
    stairs = 0.22 + 0.012 * (T30 // 6)
    flagged = [
        verdict_of(noisy(curve, n_prompts, seed)).abandon.first_flag_step
        for curve in (rising, with_dip, stairs)
        for seed in range(6)
    ]
    assert [step for step in flagged if step is not None and step < 2700] == []


def test_a_run_that_learned_for_long_may_rest_for_long() -> None:
    learned_until = {12: None, 3: 1800}  # 40 % and 10 % of the plan
    for end, flagged_at in learned_until.items():
        rise = 0.21 + 0.03 * np.minimum(T30 / end, 1)
        resting = noisy(rise[:26], 200)
        assert verdict_of(resting).abandon.first_flag_step == flagged_at
        impatient = verdict_of(resting, rules=Rules(stuck_rest_factor=0)).abandon.first_flag_step
        assert impatient is not None
    pause = 0.21 + 0.03 * np.minimum(T30 / 12, 1) + 0.03 * np.clip((T30 - 22) / 8, 0, 1)
    assert verdict_of(noisy(pause, 200)).abandon.first_flag_step is None


def test_a_run_that_fell_needs_no_longer_rest() -> None:
    fell = 0.25 - 0.07 * np.minimum(T30 / 10, 1)
    assert verdict_of(noisy(fell[:22], 200)).abandon.flag


def test_a_run_that_has_just_fallen_is_not_called_stuck_but_later_collapsed() -> None:
    curve = np.concatenate([np.full(16, 0.285), np.full(14, 0.225)])
    verdict = verdict_of(noisy(curve, 200))
    assert verdict.abandon.reason == "COLLAPSED"
    assert verdict.abandon.first_flag_step == 2000  # 13 % of the plan after the fall, not at 1,800


def test_a_stuck_run_that_then_collapses_is_told_as_collapsed() -> None:
    curve = np.concatenate([np.full(21, 0.27), np.full(9, 0.20)])
    verdict = verdict_of(noisy(curve, 200))
    assert (verdict.abandon.first_flag_step or 0) < 2100
    assert verdict.abandon.reason == "COLLAPSED"
    assert (verdict.abandon.peak_step or 9999) <= 2100


def test_a_flat_run_below_the_band_waits_for_its_patience() -> None:
    verdict = verdict_of(noisy(np.full(10, 0.25), 50))
    assert verdict.verdict == "keep going"
    assert "33 % of the planned 3,000 steps" in verdict.reasons[0]
    assert "from step 1,710 on" in verdict.reasons[0]


def test_without_a_plan_a_flat_run_below_the_band_cannot_be_late() -> None:
    verdict = verdict_of(noisy(np.full(30, 0.25), 50), planned_steps=None)
    assert (verdict.verdict, verdict.abandon.flag) == ("cannot tell yet", False)
    assert "BUDGET_UNKNOWN" in verdict.notes
    assert "--planned-steps" in (verdict.what_it_would_take or "")


def test_ten_hard_prompts_do_not_condemn_a_run_unless_a_sibling_did_well_on_them() -> None:
    stuck = frame_of_matrix(noisy(np.full(30, 0.268), 10), run="stuck")
    sibling = frame_of_matrix(noisy(np.full(30, 0.335), 10, seed=1), run="sibling")
    runs = pl.concat([runs_frame(3000, "stuck"), runs_frame(3000, "sibling")])
    (alone,) = verdicts_from_scores(stuck, runs, {MODEL_ID: BAND})
    together = verdicts_from_scores(pl.concat([stuck, sibling]), runs, {MODEL_ID: BAND})
    assert alone.verdict == "cannot tell yet"
    assert "prompts instead of 10" in (alone.what_it_would_take or "")
    assert [(v.run, v.verdict) for v in together] == [
        ("stuck", "abandon"),
        ("sibling", "in band: judge by eye"),
    ]


@pytest.mark.parametrize(
    "cells", [noisy(np.full(30, 0.18), 50), collapsing()], ids=["poor", "collapsed"]
)
def test_without_a_band_there_is_a_trend_but_no_abandon(cells: Floats) -> None:
    verdict = verdict_of(cells, band=None)
    assert (verdict.verdict, verdict.abandon.first_flag_step) == ("cannot tell yet", None)
    assert verdict.plateau.location == "UNKNOWN"
    assert verdict.plateau.drift is not None
    assert "BAND_UNKNOWN" in verdict.notes


def test_rising_below_the_band_goes_on_also_without_a_band() -> None:
    cells = noisy(0.20 + 0.07 * T30 / 30, 50)
    for band in (BAND, None):
        verdict = verdict_of(cells, planned_steps=6000, band=band)
        assert (verdict.verdict, verdict.abandon.answer) == ("keep going", "no")


@pytest.mark.parametrize("seed", [2, 10, 13, 20])
@pytest.mark.parametrize("holes", [False, True], ids=["whole", "with holes"])
def test_a_flag_is_what_the_user_would_have_seen_then(holes: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = noisy(np.full(26, 0.25), 30, seed, 0.02)
    if holes:
        later_worse = rng.random(30) < 0.4
        cells[8:, later_worse] -= 0.03
        cells[rng.random(cells.shape) < 0.3] = np.nan
        cells[18] -= 0.06 * (seed % 2)
    frame = frame_of_matrix(cells)
    first = verdict_of(frame).abandon.first_flag_step
    assert first is not None
    then = verdict_of(frame.filter(pl.col("step") <= first))
    just_before = verdict_of(frame.filter(pl.col("step") < first))
    assert (then.abandon.flag, then.abandon.first_flag_step) == (True, first)
    assert just_before.abandon.first_flag_step is None


SMALL: dict[str, Floats | pl.DataFrame] = {
    "one score": np.array([[0.31]]),
    "one prompt": noisy(np.full(30, 0.33), 1),
    "one validation": noisy(np.full(1, 0.33), 50),
    "two by two": noisy(np.full(2, 0.33), 2),
    "four validations": noisy(np.full(4, 0.33), 50),
    "four prompts": noisy(np.full(30, 0.33), 4),
    "all scores equal": np.full((20, 20), 0.31),
    "every prompt constant": np.tile(noisy(np.full(1, 0.31), 20), (20, 1)),
    "not a number": frame_of_matrix(np.full((6, 6), 0.3)).with_columns(
        cosine=pl.lit(float("nan"), pl.Float32)
    ),
    "base pictures only": frame_of_matrix(noisy(np.full(1, 0.3), 20), panel="base"),
    "ema pictures only": frame_of_matrix(noisy(np.full(30, 0.3), 20), panel="ema"),
    "disjoint prompts": np.where(np.eye(12, dtype=bool), 0.3, np.nan),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("band", [BAND, None], ids=["band", "no band"])
@pytest.mark.parametrize("planned_steps", [None, 0, 100, 3000])
def test_too_little_to_judge_is_said_with_reason_and_remedy(
    name: str, band: Band | None, planned_steps: int | None
) -> None:
    verdict = verdict_of(SMALL[name], planned_steps, band)
    assert verdict.verdict == "cannot tell yet"
    assert verdict.abandon.answer == "cannot tell yet"
    assert verdict.reasons and verdict.what_it_would_take


def test_no_scores_no_verdicts() -> None:
    nothing = frame_of_matrix(np.full((1, 1), 0.3)).clear()
    assert verdicts_from_scores(nothing, runs_frame(100), {}) == ()


def test_black_pictures_at_the_end_are_not_hidden_by_the_good_ones_before() -> None:
    cells = noisy(np.full(30, 0.33), 50)
    cells[20:] = np.random.default_rng(1).normal(0.16, 0.01, 50)  # one black picture, 50 texts
    verdict = verdict_of(cells)
    assert verdict.verdict == "cannot tell yet"
    assert "newest 10 validations cannot be used" in verdict.reasons[0]
    assert "CONSTANT_SCORES" in verdict.notes


def test_the_base_model_is_compared_prompt_by_prompt() -> None:
    cells = noisy(np.full(12, 0.33), 60)
    base = frame_of_matrix(cells[:1] - 0.02, panel="base").with_columns(step=pl.lit(0, pl.Int64))
    extra = base.with_columns(text_id=pl.col("text_id") + 1000, cosine=pl.lit(0.9, pl.Float32))
    verdict = verdict_of(pl.concat([frame_of_matrix(cells), base, extra]))
    assert verdict.base is not None
    assert verdict.base.n_prompts == 60
    assert verdict.base.difference == pytest.approx(0.02, abs=0.006)
    assert verdict.base.low < 0.02 < verdict.base.high
    assert len(verdict.steps) == 12


def test_the_run_without_pictures_of_the_base_model_has_no_comparison() -> None:
    assert verdict_of(noisy(np.full(12, 0.33), 60)).base is None


def test_constants_can_be_changed() -> None:
    cells = noisy(np.full(20, 0.245), 50)
    impatient = verdict_of(cells, rules=Rules(patience_share=0.4)).abandon.first_flag_step
    assert 1200 <= (impatient or 0) < (verdict_of(cells).abandon.first_flag_step or 0)


def test_the_most_actionable_verdict_comes_first_and_order_of_rows_does_not_matter() -> None:
    study = make_study(seed=5, n_prompts=20)
    verdicts = verdicts_from_scores(study.scores, study.runs, {MODEL_ID: BAND})
    places = [ORDER.index(verdict.verdict) for verdict in verdicts]
    assert places == sorted(places)
    assert len(verdicts) == len(SHAPES)
    shuffled = study.scores.sample(fraction=1.0, shuffle=True, seed=1)
    again = verdicts_from_scores(shuffled, study.runs, {MODEL_ID: BAND})
    assert [v.reasons for v in again] == [v.reasons for v in verdicts]


def test_every_number_that_is_said_is_a_number_whatever_the_holes() -> None:
    rng = np.random.default_rng(11)
    for seed in range(40):
        n_steps, n_prompts = int(rng.integers(1, 14)), int(rng.integers(1, 14))
        cells = noisy(rng.uniform(0.2, 0.36, n_steps), n_prompts, seed)
        cells[rng.random(cells.shape) < rng.choice([0.0, 0.3, 0.8])] = np.nan
        cells[0, 0] = 0.3
        verdict = verdict_of(cells, int(rng.choice([100, 1000, 5000])))
        text = json.dumps(dataclasses.asdict(verdict), allow_nan=False)  # raises on NaN
        assert "nan" not in text, text


def test_two_models_give_two_verdicts_that_do_not_mix() -> None:
    known = frame_of_matrix(noisy(np.full(12, 0.33), 30))
    other = frame_of_matrix(noisy(np.full(12, 0.20), 30), model="other/model")
    verdicts = verdicts_from_scores(pl.concat([known, other]), runs_frame(1200), {MODEL_ID: BAND})
    assert [(v.model.split("/")[0], v.plateau.location) for v in verdicts] == [
        ("openai", "IN_BAND"),
        ("other", "UNKNOWN"),
    ]


@pytest.mark.parametrize("make", [make_study, make_episode_study])
@pytest.mark.parametrize("n_prompts", [10, 50])
def test_on_runs_of_known_truth_hardly_any_good_one_is_flagged(
    n_prompts: int, make: Callable[..., Study]
) -> None:
    """The gates are measured by `python -m benchmarks.verdicts`; this guards them cheaply, on the
    runs the rules were set on and on others."""
    flagged = innocent = found = guilty = 0
    for seed in (301, 302, 303):
        study = make(seed, n_prompts, repeats=2)
        said = {
            v.run: v.abandon.first_flag_step is not None
            for v in verdicts_from_scores(study.scores, study.runs, {MODEL_ID: BAND})
        }
        innocent += sum(truth.abandon == "no" for truth in study.truths)
        flagged += sum(said[truth.run] for truth in study.truths if truth.abandon == "no")
        guilty += sum(truth.eligible for truth in study.truths)
        found += sum(said[truth.run] for truth in study.truths if truth.eligible)
    assert innocent > 40 and guilty >= 5
    assert flagged <= 1
    assert found >= 0.75 * guilty


def test_few_runs_that_learn_below_the_band_are_flagged_before_they_have_learned() -> None:
    harmed = total = 0
    for study in low_learner_studies(range(303, 306), n_prompts=50, repeats=5):
        truths = {truth.run: truth for truth in study.truths}
        for verdict in verdicts_from_scores(study.scores, study.runs, {MODEL_ID: BAND}):
            truth, first = truths[verdict.run], verdict.abandon.first_flag_step
            total += truth.abandon == "no"
            if first is not None:
                at = [step.step for step in verdict.steps].index(first)
                harmed += max(truth.curve[at:]) - truth.curve[at] > 0.01
    assert total > 20
    assert harmed <= 0.15 * total
