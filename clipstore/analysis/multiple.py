"""Many tests at once: adjusted p values, what they say of ranks, and sets without a difference.

Invariant: pure functions of p values and verdicts; they know nothing of runs, prompts or CLIP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def holm(p_values: Sequence[float]) -> Floats:
    """(m,) Holm-adjusted p values: rejecting those below alpha is wrong anywhere with at most
    chance alpha, under any dependence (Holm 1979, Scandinavian Journal of Statistics 6)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> Floats:
    """(m,) q values: of those listed below q, at most the share q is expected to be chance, for
    independent or positively dependent tests (Benjamini and Hochberg 1995, JRSS B 57)."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def rank_intervals(is_higher: Bools) -> tuple[tuple[int, int], ...]:
    """Per run (best, worst rank that cannot be excluded), 1 being the highest.

    is_higher (R, R): entry [i, j] says that i is surely higher than j. With family-wise error alpha
    all intervals hold together with at least 1 - alpha.
    """
    n_higher, n_lower = is_higher.sum(axis=0), is_higher.sum(axis=1)
    n_runs = len(is_higher)
    return tuple((1 + int(n_higher[i]), n_runs - int(n_lower[i])) for i in range(n_runs))


def maximal_sets(together: Bools) -> Iterator[tuple[int, ...]]:
    """The maximal sets of which every two members are `together` (R, R, symmetric).

    Bron and Kerbosch's algorithm with Tomita's pivot (Communications of the ACM 16, 1973). There
    can be exponentially many: take no more than you need.
    """
    if not len(together):
        return
    # Sets as bits of a number: runs by the thousand would take minutes as Python sets.
    beside = [
        sum(1 << int(j) for j in np.flatnonzero(row) if j != i) for i, row in enumerate(together)
    ]
    # (members, who may still join, who was tried already): a stack, because a set can be larger
    # than Python's recursion allows
    stack: list[tuple[int, int, int]] = [(0, (1 << len(beside)) - 1, 0)]
    while stack:
        members, open_, closed = stack.pop()
        if not open_ and not closed:
            yield tuple(_bits(members))
            continue
        pivot = max(_bits(open_ | closed), key=lambda i: (open_ & beside[i]).bit_count())
        for i in _bits(open_ & ~beside[pivot]):
            stack.append((members | 1 << i, open_ & beside[i], closed & beside[i]))
            open_ &= ~(1 << i)
            closed |= 1 << i


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
