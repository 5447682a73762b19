"""Which validations of one run cannot be told from its best one.

Invariant: the highest of many means is partly luck, so its lead is never taken as it stands. A
validation leaves the set only when some other is surely higher (multiple comparisons with the best:
Hsu 1981, Annals of Statistics 9), so the set holds the truly best one with chance 1 - alpha.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.pairs import may_be_in_band
from clipstore.analysis.series import Bools, Floats
from clipstore.findings import BestCheckpoints


def best_checkpoints(run: AnalysedRun, rules: CompareRules) -> BestCheckpoints | None:
    """None with fewer than two validations that count, or too few prompts to compare them.

    These very checkpoints are compared, so their shake is no error. Inside the band no difference
    counts: all validations that may lie there stay in the set.
    """
    series = run.series
    rows = np.flatnonzero(series.usable)
    panel = run.scores.cosine[np.ix_(series.index[rows], series.columns)]  # (T, n)
    if len(rows) < 2 or panel.shape[1] < rules.min_common_prompts:
        return None
    noise = np.sqrt(run.errors.noise()[rows])
    in_band = np.array(
        [
            may_be_in_band(float(mean), float(se), run.band, run.rules)
            for mean, se in zip(series.mean[rows], noise, strict=True)
        ]
    )
    best = int(np.argmax(series.mean[rows]))
    lower = is_surely_lower(panel, rules) & ~(in_band[:, None] & in_band[None, :])
    kept = ~lower.any(axis=1)
    kept[best] = True
    steps = series.steps[rows]
    return BestCheckpoints(
        run=run.scores.run,
        best_step=None if in_band[best] else int(steps[best]),
        steps=tuple(steps[kept].tolist()),
        n_validations=len(steps),
    )


def is_surely_lower(panel: Floats, rules: CompareRules) -> Bools:
    """(T, T): validation t is surely lower than validation j, over the prompts that both have.

    panel (T, n), NaN where missing. One-sided t at alpha / (T - 1): for the truly best validation
    any of its T - 1 comparisons is wrong with at most chance alpha. Pairs with too few common
    prompts say nothing.
    """
    n_steps = len(panel)
    there = np.isfinite(panel)
    # Without each prompt's own level the squares below are small, and little is lost subtracting.
    level = np.where(there, panel, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)  # (n,)
    value, counts = np.where(there, panel - level, 0.0), there.astype(float)
    count = counts @ counts.T  # (T, T) prompts that both have
    enough = count >= rules.min_common_prompts
    count = np.maximum(count, 2)
    total = value @ counts.T  # (T, T) sum of t's values over the prompts that j has too
    mean = (total - total.T) / count
    squares = (value**2) @ counts.T
    square = squares + squares.T - 2 * value @ value.T - count * mean**2
    se = np.sqrt(np.maximum(square, 0.0) / (count - 1) / count)
    df, place = np.unique(count - 1, return_inverse=True)  # few, and each takes microseconds
    limit = stdtrit(df, 1 - rules.alpha / max(n_steps - 1, 1))[place].reshape(count.shape)
    lower: Bools = enough & (mean < -limit * np.maximum(se, 1e-9))
    np.fill_diagonal(lower, val=False)
    return lower
