"""Many tests at once, against numbers worked out by hand."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from clipstore.analysis.multiple import benjamini_hochberg, holm, maximal_sets, rank_intervals


def test_holm_multiplies_the_smallest_by_all_and_never_turns_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert len(holm([])) == 0


def test_benjamini_and_hochberg_divide_by_the_place() -> None:
    adjusted = benjamini_hochberg([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert len(benjamini_hochberg([])) == 0


def test_a_rank_is_as_wide_as_what_was_not_decided() -> None:
    is_higher = np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], bool)
    assert rank_intervals(is_higher) == ((1, 2), (1, 3), (2, 3))


def test_sets_that_cannot_be_told_apart_overlap() -> None:
    together = np.zeros((4, 4), bool)
    for i, j in ((0, 1), (1, 2)):
        together[i, j] = together[j, i] = True
    assert sorted(maximal_sets(together)) == [(0, 1), (1, 2), (3,)]
    assert list(maximal_sets(np.zeros((0, 0), bool))) == []


def test_a_set_of_eleven_hundred_is_found_and_endless_ones_can_be_cut() -> None:
    assert list(maximal_sets(np.ones((1100, 1100), bool))) == [tuple(range(1100))]
    threes = ~np.kron(np.eye(20, dtype=bool), np.ones((3, 3), bool))  # 3 ** 20 sets
    assert len(list(islice(maximal_sets(threes), 50))) == 50
