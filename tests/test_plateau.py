"""Flat is shown and not assumed, and errors know that checkpoints shake."""

from __future__ import annotations

import numpy as np
import pytest

from clipstore.analysis.clean import Series, series_from_scores
from clipstore.analysis.plateau import FLAT, PlateauFit, location_of_level, plateau_from_series
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats, run_scores_from_frame
from clipstore.analysis.uncertainty import Errors, errors_from_series
from clipstore.modelidentity import Band
from tests.curves import BAND, frame_of_matrix, noisy

RULES = Rules()
T30 = np.arange(30, dtype=np.float64)


def analysed(cells: Floats) -> tuple[Series, Errors]:
    (scores,) = run_scores_from_frame(frame_of_matrix(cells), RULES)
    series = series_from_scores(scores, RULES)
    return series, errors_from_series(series, RULES)


def plateau_of(cells: Floats, band: Band | None = BAND) -> PlateauFit:
    return plateau_from_series(*analysed(cells), band, RULES)


def test_equally_good_checkpoints_differ_about_as_often_as_promised() -> None:
    rng = np.random.default_rng(3)
    differ = []
    for seed in range(200):
        shake = rng.normal(0, 0.003, 12)
        cells = noisy(0.30 + shake, 400, seed=seed)
        series, errors = analysed(cells)
        contrast = np.zeros(12)
        contrast[[2, 9]] = -1, 1
        se = np.sqrt(errors.variance(contrast))
        differ.append(abs(contrast @ series.mean) > errors.quantile(0.975) * se)
    assert np.mean(differ) < 0.12  # a paired t-test without the shake says so in over half of them


def test_more_prompts_do_not_average_the_shake_out() -> None:
    def error(n_prompts: int) -> float:
        _, errors = analysed(noisy(np.full(20, 0.3), n_prompts))
        contrast = np.zeros(20)
        contrast[[0, 19]] = -1, 1
        return float(np.sqrt(errors.variance(contrast)))

    assert error(10) > 1.5 * error(100)
    assert error(1000) > 0.7 * error(100)
    assert error(1000) > 0.002


def test_missing_cells_widen_the_interval() -> None:
    cells = noisy(np.full(20, 0.3), 60)
    holes = cells.copy()
    holes[np.random.default_rng(0).random(cells.shape) < 0.4] = np.nan
    _, full = analysed(cells)
    _, partial = analysed(holes)
    assert np.median(partial.noise()) / np.median(full.noise()) == pytest.approx(1 / 0.6, rel=0.2)


def test_the_level_of_any_prompts_is_less_sure_than_that_of_these() -> None:
    plateau = plateau_of(noisy(np.full(30, 0.33), 40)).plateau
    these = (plateau.level_high or 0) - (plateau.level_low or 0)
    any_prompts = (plateau.level_any_high or 0) - (plateau.level_any_low or 0)
    assert any_prompts > 3 * these


def test_a_rise_that_levels_off_is_flat_since_its_knee() -> None:
    curve = 0.25 + 0.08 * np.minimum(T30 / 12, 1)
    plateau = plateau_of(noisy(curve, 100)).plateau
    assert plateau.status in FLAT
    assert plateau.onset_step == pytest.approx(1200, abs=200)
    assert plateau.level == pytest.approx(0.33, abs=0.004)
    assert (plateau.onset_low_step or 0) <= (plateau.onset_step or 0)
    assert (plateau.onset_step or 0) <= (plateau.onset_high_step or 0)


@pytest.mark.parametrize("n_prompts", [10, 50, 200])
def test_a_run_that_is_flat_from_the_start_says_so(n_prompts: int) -> None:
    plateau = plateau_of(noisy(np.full(30, 0.33), n_prompts)).plateau
    assert plateau.status in FLAT
    assert (plateau.onset_step or 0) <= 300


def test_a_steady_rise_is_no_plateau_however_few_the_prompts() -> None:
    for n_prompts in (5, 10, 50):
        for seed in range(5):
            cells = noisy(0.24 + 0.08 * T30 / 30, n_prompts, seed)
            assert plateau_of(cells).plateau.status not in FLAT, (n_prompts, seed)


def test_rise_and_fall_are_named() -> None:
    assert plateau_of(noisy(0.22 + 0.10 * T30 / 30, 50)).plateau.status == "rising"
    assert plateau_of(noisy(0.36 - 0.10 * T30 / 30, 50)).plateau.status == "falling"


def test_swings_are_not_flat() -> None:
    swing = plateau_of(noisy(0.31 + 0.02 * np.sin(T30 * 1.2), 50))
    assert swing.plateau.status == "unstable"
    assert swing.swing == pytest.approx(0.014, abs=0.004)


def test_noise_that_hides_any_trend_is_not_called_flat() -> None:
    found = [plateau_of(noisy(np.full(6, 0.30), 5, seed, 0.03)).plateau for seed in range(20)]
    wide = [each for each in found if (each.bound or 0) > RULES.resolution_cosine]
    assert len(wide) >= 5
    assert not {each.status for each in wide} & set(FLAT)
    assert "inconclusive" in {each.status for each in wide}


def test_four_validations_are_too_short_but_have_a_level() -> None:
    plateau = plateau_of(noisy(np.full(4, 0.33), 50)).plateau
    assert plateau.status == "too_short"
    assert plateau.level == pytest.approx(0.33, abs=0.005)
    assert (plateau.drift, plateau.onset_step, plateau.location) == (None, None, "IN_BAND")


def test_a_lone_bad_validation_does_not_move_the_onset() -> None:
    curve = 0.25 + 0.08 * np.minimum(T30 / 8, 1)
    curve[20] -= 0.09
    plateau = plateau_of(noisy(curve, 100)).plateau
    assert plateau.status in FLAT
    assert plateau.onset_step == pytest.approx(800, abs=200)


def test_the_drift_is_told_for_the_steps_of_the_horizon() -> None:
    plateau = plateau_of(noisy(0.22 + 0.003 * T30, 400)).plateau
    assert plateau.horizon_steps == 800  # a quarter of 30 validations, 100 steps apart
    assert plateau.drift == pytest.approx(8 * 0.003, abs=0.006)
    assert plateau.bound == max(abs(plateau.drift_low or 0), abs(plateau.drift_high or 0))


@pytest.mark.parametrize(
    ("level", "se", "location"),
    [
        (0.20, 0.001, "POOR"),
        (0.217, 0.001, "BELOW_BAND"),  # poor is said only when sure
        (0.25, 0.001, "BELOW_BAND"),
        (0.296, 0.001, "BORDERLINE"),
        (0.304, 0.001, "BORDERLINE"),
        (0.31, 0.001, "IN_BAND"),
        (0.31, 0.006, "BORDERLINE"),  # few prompts
        (0.393, 0.001, "IN_BAND"),
        (0.40, 0.001, "ABOVE_BAND"),
    ],
)
def test_the_level_is_placed_with_a_margin(level: float, se: float, location: str) -> None:
    assert location_of_level(level, se, BAND, RULES) == location


def test_without_a_band_there_is_a_plateau_but_no_place() -> None:
    plateau = plateau_of(noisy(np.full(30, 0.33), 50), None).plateau
    assert plateau.status in FLAT
    assert plateau.location == "UNKNOWN"
