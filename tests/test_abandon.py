"""The abandon rule at one validation: what it asks for before it says stop."""

from __future__ import annotations

import numpy as np
import pytest

from clipstore.analysis.abandon import look_at
from clipstore.analysis.clean import series_from_scores
from clipstore.analysis.looks import Curve, Look, curve_of_series, curve_start, planned_looks
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats, run_scores_from_frame
from clipstore.analysis.uncertainty import errors_from_series
from tests.curves import BAND, frame_of_matrix, noisy

RULES = Rules()


def curve_of(cells: Floats, planned_steps: int | None = 3000, reachable: bool = False) -> Curve:
    (scores,) = run_scores_from_frame(frame_of_matrix(cells), RULES)
    series = series_from_scores(scores, RULES)
    return curve_of_series(series, errors_from_series(series, RULES), planned_steps, reachable)


def stages(*parts: tuple[float, int]) -> Floats:
    """(cosine, validations) after each other."""
    return np.concatenate([np.full(length, cosine) for cosine, length in parts])


def look(curve: Floats, planned_steps: int | None = 3000, n_prompts: int = 200) -> Look:
    return look_at(curve_of(noisy(curve, n_prompts), planned_steps), BAND, RULES)


def test_a_collapse_has_lasted_long_enough_at_its_full_size() -> None:
    confirmed = look(stages((0.33, 12), (0.27, 4)))
    partly = look(stages((0.33, 12), (0.298, 2), (0.27, 3)))
    assert (confirmed.reason, confirmed.n_dropped, confirmed.n_to_confirm) == ("COLLAPSED", 4, 4)
    assert (partly.reason, partly.n_dropped) == (None, 3)


def test_a_loss_inside_the_band_is_no_drop() -> None:
    assert look(stages((0.37, 12), (0.32, 6))).n_dropped == 0


def test_a_run_that_has_won_back_half_of_its_loss_is_recovering() -> None:
    down = look(stages((0.33, 12), (0.23, 8)))
    recovering = look(stages((0.33, 12), (0.23, 4), (0.28, 4)))
    assert down.reason == "COLLAPSED"
    assert (recovering.reason, recovering.n_dropped) == (None, 8)


def test_a_run_that_came_out_of_a_dip_before_is_given_longer() -> None:
    twice = look(stages((0.33, 8), (0.27, 5), (0.33, 6), (0.27, 6)))
    assert twice.n_to_confirm == 9  # one and a half times the five of the first dip, and one
    assert (twice.reason, twice.n_dropped) == (None, 6)


def test_a_drop_that_prompts_could_explain_is_not_enough() -> None:
    sure = look(stages((0.33, 12), (0.285, 6)), n_prompts=200)
    unsure = look_at(
        curve_of(noisy(stages((0.33, 12), (0.285, 6)), 6, seed=1, noise=0.05)), BAND, RULES
    )
    assert sure.reason == "COLLAPSED"
    assert unsure.reason is None


@pytest.mark.parametrize(
    ("curve", "planned_steps", "blocker"),
    [
        (stages((0.25, 4)), 3000, "TOO_FEW_VALIDATIONS"),
        (stages((0.25, 7)), 1000, "TOO_FEW_VALIDATIONS"),
        (stages((0.25, 20)), None, "BUDGET_UNKNOWN"),
        (stages((0.25, 17)), 3000, "PATIENCE"),
        (stages((0.31, 20)), 3000, "LEVEL_IN_BAND"),
        (stages((0.30, 5), (0.27, 15)), 3000, "WAS_NEAR_BAND"),
        (0.20 + 0.004 * np.arange(20.0), 3000, "RISING"),
        (stages((0.24, 18), (0.27, 2)), 3000, "RISING"),
        (stages((0.25, 18), (0.23, 2)), 3000, "DIPPING"),
        (stages((0.27, 17), (0.22, 3)), 3000, "DROPPED"),
        (stages((0.22, 14), (0.25, 6)), 2500, "RISING"),
        (stages((0.25, 14), (0.242, 7)), 3000, "NOT_SETTLED"),
        (0.26 + 0.032 * np.sin(1.3 * np.arange(20.0)), 3000, "SWINGS_REACH"),
    ],
)
def test_what_keeps_a_run_from_being_called_stuck(
    curve: Floats, planned_steps: int | None, blocker: str
) -> None:
    assert look(curve, planned_steps).blocker == blocker


def test_no_band_no_reason_but_the_drop_is_told() -> None:
    told = look_at(curve_of(noisy(stages((0.33, 12), (0.25, 8)), 50)), None, RULES)
    assert (told.reason, told.blocker, told.n_dropped) == (None, "BAND_UNKNOWN", 8)


def test_the_more_looks_are_planned_the_higher_the_limit() -> None:
    cells = noisy(stages((0.25, 20)), 50)
    few, many = (look_at(curve_of(cells, planned), BAND, RULES) for planned in (2100, 3300))
    assert planned_looks(curve_of(cells, 3300)) == 33
    assert many.limit > few.limit > few.level


def test_a_curve_cut_short_is_the_curve_that_was_seen_then() -> None:
    cells = noisy(stages((0.25, 20)), 50)
    for reachable in (True, False):
        cut = look_at(curve_start(curve_of(cells, 2000, reachable), 15), BAND, RULES)
        seen = look_at(curve_of(cells[:15], 2000, reachable), BAND, RULES)
        assert cut.reason == seen.reason == "STUCK_BELOW_BAND"
        assert (cut.limit, cut.line_end) == pytest.approx((seen.limit, seen.line_end))
