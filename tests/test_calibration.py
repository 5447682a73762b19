"""The rule that makes a band of true and shuffled pairs, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from clipstore.analysis.calibration import Calibration, CalibrationRules, pairs_to_calibration
from clipstore.errors import CalibrationRefused

Floats = NDArray[np.float64]


def calibrate(cosines: Floats) -> Calibration:
    """Picture i shows text i, and no two are equal."""
    n = len(cosines)
    return pairs_to_calibration(cosines, np.arange(n), np.arange(n))


def exactly(values: Floats, mean: float, sd: float) -> Floats:
    """The values shifted and stretched to this very mean and SD."""
    return (values - values.mean()) / values.std(ddof=1) * sd + mean


def pairs_like(
    rng: np.random.Generator,
    n: int,
    *,
    true: float,
    true_sd: float,
    chance: float,
    chance_sd: float,
) -> Floats:
    """Cosines (n, n) with these means and SDs on and off the diagonal."""
    cosines = np.empty((n, n))
    off = ~np.eye(n, dtype=bool)
    cosines[off] = exactly(rng.normal(size=n * (n - 1)), chance, chance_sd)
    cosines[~off] = exactly(rng.normal(size=n), true, true_sd)
    return cosines


def test_levels_are_means_on_and_off_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    cosines = rng.normal(0.2, 0.02, (40, 40)) + 0.1 * np.eye(40)
    found = calibrate(cosines)
    off = cosines[~np.eye(40, dtype=bool)]
    assert found.true.mean == pytest.approx(np.diagonal(cosines).mean())
    assert found.chance.mean == pytest.approx(off.mean())
    assert (found.n_pairs, found.n_texts, found.n_shuffled) == (40, 40, 40 * 39)
    assert found.true_sd == pytest.approx(np.diagonal(cosines).std(ddof=1))


def test_published_figures_of_a_known_model_give_its_known_band() -> None:
    rng = np.random.default_rng(1)
    cosines = pairs_like(rng, 408, true=0.306, true_sd=0.0251, chance=0.178, chance_sd=0.030)
    band = calibrate(cosines).band
    assert round(band.poor_below_cosine, 2) == 0.22
    assert round(band.low_cosine, 2) == 0.30
    assert round(band.high_cosine, 2) == 0.39


def test_the_edges_follow_from_the_levels() -> None:
    rng = np.random.default_rng(2)
    cosines = pairs_like(rng, 100, true=0.60, true_sd=0.05, chance=0.00, chance_sd=0.10)
    found = calibrate(cosines)
    assert found.band.poor_below_cosine == pytest.approx(0.20)
    half = 1.98422 * 0.05 / 10  # Student's t with 99 degrees of freedom
    assert found.true.low == pytest.approx(0.60 - half, abs=1e-6)
    assert found.band.low_cosine == pytest.approx(0.60 - half - 0.40 / 16, abs=1e-4)
    assert found.band.high_cosine == pytest.approx(0.60 + 3.29 * 0.05, abs=1e-4)


def test_no_text_meets_its_own_picture_or_an_equal_one() -> None:
    rng = np.random.default_rng(3)
    n = 40
    cosines = rng.normal(0.2, 0.01, (n, n)) + 0.3 * np.eye(n)
    # Pictures 0 and 1 are one picture under two captions, and it fits both.
    cosines[0, 1] = cosines[1, 0] = 9.0
    ids = np.arange(n)
    ids[1] = ids[0]
    found = pairs_to_calibration(cosines, np.arange(n), ids)
    assert found.n_shuffled == n * (n - 1) - 2
    assert found.chance.mean == pytest.approx(0.2, abs=0.01)


def test_many_pictures_of_one_text_count_as_one() -> None:
    rng = np.random.default_rng(4)
    n_texts = 40
    texts = np.concatenate([np.arange(n_texts), np.zeros(400, dtype=int)])
    cosines = rng.normal(0.2, 0.01, (len(texts), n_texts))
    cosines[np.arange(len(texts)), texts] += 0.3
    cosines[texts == 0, 0] = 0.9
    found = pairs_to_calibration(cosines, texts, np.arange(len(texts)))
    assert found.true.mean == pytest.approx((39 * 0.5 + 0.9) / 40, abs=0.01)
    assert (found.n_pairs, found.n_texts) == (440, 40)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Texts and pictures have levels of their own, which every pair of them shares."""
    rng = np.random.default_rng(5)
    held = np.zeros(2)
    for _ in range(400):
        picture, text = rng.normal(0, 0.02, (50, 1)), rng.normal(0, 0.03, (1, 50))
        cosines = 0.2 + picture + text + rng.normal(0, 0.01, (50, 50)) + 0.3 * np.eye(50)
        found = calibrate(cosines)
        held += found.true.low < 0.5 < found.true.high, found.chance.low < 0.2 < found.chance.high
    assert (held / 400 > 0.92).all()
    assert (held / 400 < 0.985).all()


def test_few_pairs_are_marked_with_how_many_would_do() -> None:
    rng = np.random.default_rng(6)
    few = calibrate(pairs_like(rng, 30, true=0.31, true_sd=0.04, chance=0.18, chance_sd=0.03))
    assert few.is_wide
    assert few.n_texts_wanted > 30
    many = calibrate(
        pairs_like(rng, few.n_texts_wanted, true=0.31, true_sd=0.04, chance=0.18, chance_sd=0.03)
    )
    assert not many.is_wide
    assert many.band.low_cosine > few.band.low_cosine


def test_29_texts_are_refused_and_30_are_not() -> None:
    rng = np.random.default_rng(7)
    cosines = rng.normal(0.2, 0.01, (30, 30)) + 0.3 * np.eye(30)
    assert calibrate(cosines).n_texts == CalibrationRules().min_texts == 30
    with pytest.raises(CalibrationRefused, match="29 pairs with 29 different texts"):
        calibrate(cosines[:29, :29])


@pytest.mark.parametrize(
    ("n_pictures", "said"),
    [(1, "one pair"), (50, "50 pictures with the same text")],
)
def test_one_text_is_refused(n_pictures: int, said: str) -> None:
    own = np.zeros(n_pictures, dtype=int)
    with pytest.raises(CalibrationRefused, match=said):
        pairs_to_calibration(np.full((n_pictures, 1), 0.3), own, np.arange(n_pictures))


def test_a_model_that_cannot_tell_its_pairs_apart_gets_no_band() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(CalibrationRefused, match="does not tell them apart"):
        calibrate(rng.normal(0.2, 0.03, (60, 60)))
