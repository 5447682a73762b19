"""Scores that repeat to the last bit: black pictures, copies, a pipeline that returns one file.

Invariant: what is found here is blanked before any mean is taken, where single pictures can still
be told apart; rounding by whoever exported the scores is not mistaken for it.
"""

from __future__ import annotations

import numpy as np

from clipstore.analysis.arrays import Bools, Floats
from clipstore.analysis.rules import Rules


def repeated_cells(cells: Floats, rules: Rules) -> tuple[Bools, Bools]:
    """Where single-picture scores (T, C) repeat exactly: (within one column, across columns).

    A black picture has one vector, so its score with one text is one number; copied pictures repeat
    too. Scores that were rounded on export repeat by chance: there only long unbroken repeats of
    one column count, or a column that never changes.
    """
    none = np.zeros(cells.shape, bool)
    values = np.sort(cells[np.isfinite(cells)])
    if values.size < rules.repeated_cells:
        return none, none
    if _are_rounded(values):
        return _long_repeats(cells, rules), none
    times = (
        rules.repeated_cells if values.size <= rules.large_run_cells else rules.repeated_cells_large
    )
    again = np.unique(values[times - 1 :][values[times - 1 :] == values[: 1 - times]])
    if again.size == 0:
        return none, none
    constant, duplicate = none.copy(), none.copy()
    at = np.searchsorted(again, cells).clip(max=again.size - 1)
    for number in range(again.size):
        here = (at == number) & (cells == again[number])
        target = constant if here.any(axis=0).sum() == 1 else duplicate
        target |= here
    whole_columns = duplicate.sum(axis=0) >= times
    constant |= duplicate & whole_columns
    return constant, duplicate & ~whole_columns


def _are_rounded(values: Floats) -> bool:
    scaled = values * 1e5  # float32 near .3 resolves 3e-8, so 3e-3 here
    return bool(np.mean(np.abs(scaled - np.rint(scaled)) < 5e-3) > 0.99)


def _long_repeats(cells: Floats, rules: Rules) -> Bools:
    """Cells in an unbroken repeat of at least `rounded_repeat`, or in a column of one value."""
    n_steps, n_columns = cells.shape
    length = np.zeros(n_columns, np.int64)
    mask = np.zeros(cells.shape, bool)
    for t in range(n_steps):
        same = cells[t] == cells[t - 1] if t else np.zeros(n_columns, bool)
        length = np.where(same, length + 1, 1)
        for column in np.flatnonzero(length >= rules.rounded_repeat):
            mask[t - length[column] + 1 : t + 1, column] = True
    there = np.isfinite(cells)
    low = np.where(there, cells, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, cells, -np.inf).max(axis=0, initial=-np.inf)
    one_value = (low == high) & (there.sum(axis=0) >= rules.repeated_cells)
    mask |= there & one_value
    return mask
