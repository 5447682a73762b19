"""Two sides, paired by prompt: how far apart, how sure, and what could have been shown.

Invariant: the variance has two parts, the prompts' differences over n and the sides' shakes. The
second stays whatever n is; leaving it out makes equally good runs "differ" more often the more
prompts there are. t with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.rules import Rules
from clipstore.analysis.sides import Side
from clipstore.modelidentity import Band

_SMALLEST_SE = 1e-9
"""Far below float32's resolution of a cosine: keeps identical runs from dividing by zero."""


@dataclass(frozen=True)
class Difference:
    """Side a minus side b over their common prompts."""

    n_prompts: int
    level_a: float
    level_b: float
    mean: float
    sd: float
    """Over prompts."""
    shake_variance: float
    shake_df: float
    se: float
    df: float
    p: float
    """Two-sided, alone."""

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        half = float(stdtrit(self.df, (1 + confidence) / 2)) * self.se
        return self.mean - half, self.mean + half


def difference_of_sides(a: Side, b: Side, rules: CompareRules) -> Difference | None:
    """None with fewer than `min_common_prompts` prompts that both have."""
    _, at_a, at_b = np.intersect1d(a.prompts, b.prompts, assume_unique=True, return_indices=True)
    n = len(at_a)
    if n < rules.min_common_prompts:
        return None
    each = a.cosine[at_a] - b.cosine[at_b]  # (n,)
    mean, sd = float(each.mean()), float(each.std(ddof=1))
    shake = a.shake_variance + b.shake_variance
    shake_df = satterthwaite_df((a.shake_variance, a.shake_df), (b.shake_variance, b.shake_df))
    se = max(math.sqrt(sd**2 / n + shake), _SMALLEST_SE)
    df = satterthwaite_df((sd**2 / n, n - 1), (shake, shake_df))
    return Difference(
        n_prompts=n,
        level_a=float(a.cosine[at_a].mean()),
        level_b=float(b.cosine[at_b].mean()),
        mean=mean,
        sd=sd,
        shake_variance=shake,
        shake_df=shake_df,
        se=se,
        df=df,
        p=float(2 * stdtr(df, -abs(mean) / se)),
    )


def satterthwaite_df(*parts: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of variances, each given as (variance, its degrees of freedom).

    Variances of 0 count nothing; with no variance at all, the smallest of the degrees.
    """
    total = sum(variance for variance, _ in parts)
    if total <= 0:
        return min(df for _, df in parts)
    return total**2 / sum(variance**2 / df for variance, df in parts)


def smallest_shown(se: float, df: float, n_tests: int, rules: CompareRules) -> float:
    """The true difference that is shown with chance `power` when `n_tests` tests share alpha."""
    sure = float(stdtrit(df, 1 - rules.alpha / max(n_tests, 1) / 2))
    return (sure + float(stdtrit(df, rules.power))) * se


def prompts_needed(difference: Difference, wanted: float, rules: CompareRules) -> int | None:
    """Prompts like these that would show `wanted` in a pair alone; None when no number would,
    because the shake alone hides it."""
    reach = (float(ndtri(1 - rules.alpha / 2)) + float(ndtri(rules.power))) ** 2
    room = wanted**2 - reach * difference.shake_variance
    if room <= 0:
        return None
    return max(math.ceil(reach * difference.sd**2 / room), rules.min_common_prompts)


def may_be_in_band(level: float, se: float, band: Band | None, rules: Rules) -> bool:
    """Whether the mean may lie in the band or above it, where differences are not informative."""
    if band is None:
        return False
    return level + max(rules.location_margin_cosine, 2 * se) >= band.low_cosine
