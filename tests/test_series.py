"""Scores as rows become a matrix of validations by prompts, and a curve that is fair to itself."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from clipstore.analysis.clean import fit_additive, series_from_scores
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import RunScores, run_scores_from_frame
from clipstore.analysis.stepmeans import step_means
from clipstore.analysis.uncertainty import errors_from_series
from tests.curves import frame_of_matrix, noisy

RULES = Rules()


def only_run(frame: pl.DataFrame) -> RunScores:
    (scores,) = run_scores_from_frame(frame, RULES)
    return scores


def test_pictures_of_a_prompt_are_averaged_before_prompts_are() -> None:
    cells = np.full((1, 2, 3), np.nan)
    cells[0, 0] = [0.20, 0.22, 0.24]
    cells[0, 1, 0] = 0.30  # one picture only: its prompt still counts as much as the other
    scores = only_run(frame_of_matrix(cells))
    assert scores.cosine == pytest.approx(np.array([[0.22, 0.30]]), abs=1e-7)
    assert scores.raw_mean == pytest.approx([0.26], abs=1e-7)
    assert (scores.n_prompts.tolist(), scores.n_images.tolist()) == ([2], [4])


def test_ema_pictures_are_nowhere_and_base_pictures_beside_the_curve() -> None:
    curve = frame_of_matrix(noisy(np.full(3, 0.30), 4))
    ema = frame_of_matrix(np.full((3, 4), 0.9), panel="ema")
    base = frame_of_matrix(np.array([[0.1, 0.2, 0.3, 0.4]]), panel="base").with_columns(step=0)
    alone = only_run(curve)
    scores = only_run(pl.concat([ema, curve, base.with_columns(step=pl.lit(0, pl.Int64))]))
    assert np.array_equal(scores.cosine, alone.cosine)
    assert scores.steps.tolist() == [100, 200, 300]
    assert scores.base == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=1e-7)


def test_an_edited_prompt_is_another_column() -> None:
    before = frame_of_matrix(noisy(np.full(3, 0.30), 2))
    after = before.with_columns(step=pl.col("step") + 300, text_id=pl.col("text_id") + 100)
    scores = only_run(pl.concat([before, after]))
    assert np.isfinite(scores.cosine).tolist() == [[True, False] * 2] * 3 + [[False, True] * 2] * 3


def test_scores_that_are_not_numbers_count_as_missing() -> None:
    frame = frame_of_matrix(noisy(np.full(4, 0.30), 5))
    broken = frame.with_columns(
        cosine=pl.when(pl.col("step") == 200).then(float("nan")).otherwise("cosine")
    )
    assert only_run(broken).steps.tolist() == [100, 300, 400]


def test_black_pictures_are_blanked_and_named() -> None:
    cells = noisy(np.full(12, 0.30), 20)
    cells[[3, 7, 8], 5] = 0.15812345
    scores = only_run(frame_of_matrix(cells))
    assert np.argwhere(np.isnan(scores.cosine)).tolist() == [[3, 5], [7, 5], [8, 5]]
    assert scores.codes == ("CONSTANT_SCORES",)


def test_one_picture_copied_over_many_prompts_is_blanked_and_named() -> None:
    cells = noisy(np.full(12, 0.30), 20)
    cells[4, :6] = 0.15812345
    scores = only_run(frame_of_matrix(cells))
    assert np.argwhere(np.isnan(scores.cosine)).tolist() == [[4, p] for p in range(6)]
    assert scores.codes == ("DUPLICATE_SCORES",)


def test_the_raw_mean_is_the_trainers_even_where_scores_were_blanked() -> None:
    cells = noisy(np.full(12, 0.30), 20)
    cells[4, :6] = 0.15812345
    assert only_run(frame_of_matrix(cells)).raw_mean == pytest.approx(cells.mean(axis=1), abs=1e-6)


def test_rounded_scores_repeat_by_chance_and_stay() -> None:
    cells = np.round(noisy(np.full(20, 0.30), 50), 3)
    scores = only_run(frame_of_matrix(cells))
    assert np.isfinite(scores.cosine).all()
    assert scores.codes == ()


def test_a_prompt_that_never_changes_is_blanked_even_when_rounded() -> None:
    cells = np.round(noisy(np.full(20, 0.30), 50), 3)
    cells[:, 7] = 0.251
    scores = only_run(frame_of_matrix(cells))
    assert np.flatnonzero(np.isnan(scores.cosine).any(axis=0)).tolist() == [7]


def test_a_hard_prompt_that_is_missing_does_not_look_like_progress() -> None:
    cells = np.tile([0.15, 0.30, 0.31, 0.32], (6, 1)) + 0.001 * np.arange(6)[:, None]
    cells[5, 0] = np.nan
    mean, effect = fit_additive(cells)
    assert mean == pytest.approx(0.27 + 0.001 * np.arange(6))
    assert effect == pytest.approx([-0.12, 0.03, 0.04, 0.05])


def test_the_additive_fit_is_least_squares() -> None:
    rng = np.random.default_rng(1)
    cells = noisy(np.linspace(0.2, 0.3, 9), 12, seed=2)
    cells[rng.random(cells.shape) < 0.3] = np.nan
    mean, effect = fit_additive(cells)
    left = cells - mean[:, None] - effect
    assert np.nansum(left, axis=0) == pytest.approx(np.zeros(12), abs=1e-9)
    assert np.nansum(left, axis=1) == pytest.approx(np.zeros(9), abs=1e-9)


def test_prompts_and_validations_that_are_mostly_missing_do_not_count() -> None:
    cells = noisy(np.full(10, 0.30), 8)
    cells[:5, 0] = np.nan  # half of the validations: not in the panel
    cells[6, 1:6] = np.nan  # less than half of the panel: no validation
    series = series_from_scores(only_run(frame_of_matrix(cells)), RULES)
    assert series.columns.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert series.steps.tolist() == [100, 200, 300, 400, 500, 600, 800, 900, 1000]


def test_a_lone_bad_validation_is_left_out_and_named() -> None:
    cells = noisy(np.full(12, 0.32), 30)
    cells[6] -= 0.08
    series = series_from_scores(only_run(frame_of_matrix(cells)), RULES)
    assert np.flatnonzero(~series.usable).tolist() == [6]
    assert series.codes == ("ISOLATED_BAD_STEP",)


def test_two_bad_validations_in_a_row_are_left_out_only_as_pictures_of_other_prompts() -> None:
    lower = noisy(np.full(12, 0.32), 30)
    lower[[6, 7]] -= 0.08
    mixed_up = noisy(np.full(12, 0.32), 30)
    mixed_up[[6, 7]] = np.random.default_rng(5).normal(0.18, 0.03, (2, 30))
    dip = series_from_scores(only_run(frame_of_matrix(lower)), RULES)
    accident = series_from_scores(only_run(frame_of_matrix(mixed_up)), RULES)
    assert dip.usable.all()
    assert np.flatnonzero(~accident.usable).tolist() == [6, 7]


def test_an_oscillation_is_not_a_row_of_bad_validations() -> None:
    curve = 0.30 + 0.05 * (np.arange(20) % 4 == 0)
    series = series_from_scores(only_run(frame_of_matrix(noisy(curve, 50))), RULES)
    assert series.usable.all()


def test_a_last_validation_that_jumps_waits_for_the_next() -> None:
    curve = np.full(10, 0.32)
    curve[-1] = 0.24
    once = series_from_scores(only_run(frame_of_matrix(noisy(curve, 50))), RULES)
    again = series_from_scores(only_run(frame_of_matrix(noisy(np.append(curve, 0.24), 50))), RULES)
    assert (once.usable.tolist(), once.codes) == (
        [True] * 9 + [False],
        ("LAST_STEP_UNCONFIRMED",),
    )
    assert again.usable.all()
    assert again.codes == ()


def test_a_run_whose_prompts_were_replaced_is_judged_on_the_new_ones() -> None:
    old = frame_of_matrix(noisy(np.full(8, 0.25), 10))
    new = frame_of_matrix(noisy(np.full(12, 0.33), 10, seed=1)).with_columns(
        step=pl.col("step") + 800, text_id=pl.col("text_id") + 100
    )
    series = series_from_scores(only_run(pl.concat([old, new])), RULES)
    assert series.steps.tolist() == list(range(900, 2100, 100))
    assert series.codes == ("PROMPT_SET_CHANGED",)


def test_every_validation_is_listed_also_those_the_curve_leaves_out() -> None:
    cells = noisy(np.full(8, 0.30), 10)
    cells[4, 2:] = np.nan
    scores = only_run(frame_of_matrix(cells))
    series = series_from_scores(scores, RULES)
    listed = step_means(scores, series, errors_from_series(series, RULES), RULES)
    assert [each.step for each in listed] == list(range(100, 900, 100))
    assert [each.n_prompts for each in listed] == [10] * 4 + [2] + [10] * 3
    assert listed[4].high - listed[4].low > 1.5 * (listed[3].high - listed[3].low)
    assert listed[4].adjusted_mean == pytest.approx(0.30, abs=0.03)


def test_a_change_from_a_first_validation_that_has_few_prompts_is_still_no_change() -> None:
    cells = noisy(np.full(8, 0.30), 10)
    cells[0, 2:] = np.nan
    scores = only_run(frame_of_matrix(cells))
    series = series_from_scores(scores, RULES)
    first, second, *_ = step_means(scores, series, errors_from_series(series, RULES), RULES)
    assert second.change_high - second.change_low > 0.01
    assert (first.change_from_first, first.change_low, first.change_high) == (0, 0, 0)
