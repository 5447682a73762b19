"""The arrays of the analysis by what they hold, and medians of short ones.

Shapes are said where they are used. numpy's own medians spend some 50 microseconds on checks, and
one run takes hundreds of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def median(values: Floats) -> float:
    """Of (N,) finite values, N >= 1."""
    ordered = np.sort(values)
    return 0.5 * float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2])


def column_medians(values: Floats) -> Floats:
    """(K, N) to (N,), without the NaN of each column; NaN for a column of nothing else."""
    ordered = np.sort(values, axis=0)  # NaN last
    there = np.isfinite(values).sum(axis=0)
    column = np.arange(values.shape[1])
    lower = ordered[np.maximum(there - 1, 0) // 2, column]
    upper = ordered[np.minimum(there // 2, len(ordered) - 1), column]
    return np.asarray(0.5 * (lower + upper))
