"""The curve as values for tables and pictures: one `StepMean` a validation, and base against last.

Invariant: every validation that has a score is listed, also those the verdict leaves out; theirs is
a wide interval, not a gap.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from clipstore.analysis.arrays import median
from clipstore.analysis.clean import Series
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats, RunScores
from clipstore.analysis.uncertainty import Errors
from clipstore.findings import BaseComparison, StepMean


def step_means(
    scores: RunScores, series: Series, errors: Errors, rules: Rules
) -> tuple[StepMean, ...]:
    """One value per validation of `scores`, in order."""
    n_steps = len(scores.steps)
    if n_steps == 0:
        return ()
    adjusted, variance = _adjusted_means(scores, series, errors, rules)
    change = adjusted - adjusted[0]
    change_variance = _change_variance(scores, series, errors, variance)
    reach = errors.quantile(0.975)
    half, change_half = reach * np.sqrt(variance), reach * np.sqrt(change_variance)
    return tuple(
        StepMean(
            step=int(scores.steps[t]),
            n_prompts=int(scores.n_prompts[t]),
            n_images=int(scores.n_images[t]),
            mean=float(scores.raw_mean[t]),
            adjusted_mean=float(adjusted[t]),
            low=float(adjusted[t] - half[t]),
            high=float(adjusted[t] + half[t]),
            change_from_first=float(change[t]),
            change_low=float(change[t] - change_half[t]),
            change_high=float(change[t] + change_half[t]),
        )
        for t in range(n_steps)
    )


def base_comparison(
    scores: RunScores, series: Series, errors: Errors, rules: Rules
) -> BaseComparison | None:
    """The last validation that counts against the base model, over the prompts both have.

    None with fewer than two common prompts. The base model is not trained, so only the trained
    side carries a checkpoint's shake.
    """
    if len(series.index) == 0:
        return None
    last = scores.cosine[series.index[-1]]
    both = np.isfinite(last) & np.isfinite(scores.base)
    n = int(both.sum())
    if n < 2:
        return None
    difference = last[both] - scores.base[both]
    df = rules.prior_weight + n - 1
    spread = (
        rules.prior_weight * rules.prior_change_sd**2 + (n - 1) * float(difference.var(ddof=1))
    ) / df
    half = float(stdtrit(df, 0.975) * np.sqrt(spread / n + errors.jitter_variance))
    mean = float(difference.mean())
    return BaseComparison(float(scores.base[both].mean()), mean, mean - half, mean + half, n)


def _adjusted_means(
    scores: RunScores, series: Series, errors: Errors, rules: Rules
) -> tuple[Floats, Floats]:
    """((T,) means, (T,) variances) of all validations; those outside the series are read off the
    prompts they share with the panel, or are raw means with the spread of prompts on top."""
    n_steps, n = len(scores.steps), len(series.columns)
    noise = errors.noise()
    per_prompt = median(noise) * n if len(noise) else rules.prior_change_sd**2 / 2
    between = errors.between_prompts * n if n else rules.prior_prompt_sd**2
    mean = scores.raw_mean.copy()
    variance = (per_prompt + between) / np.maximum(scores.n_prompts, 1) + errors.jitter_variance
    panel = scores.cosine[:, series.columns] - series.prompt_effect  # (T, n)
    there = np.isfinite(panel)
    n_there = there.sum(axis=1)
    some = n_there > 0
    mean[some] = np.where(there, panel, 0.0).sum(axis=1)[some] / n_there[some]
    variance[some] = per_prompt / n_there[some] + errors.jitter_variance
    mean[series.index] = series.mean
    variance[series.index] = errors.step_variance()
    return mean.reshape(n_steps), variance


def _change_variance(scores: RunScores, series: Series, errors: Errors, variance: Floats) -> Floats:
    """(T,) variance of each validation minus the first; paired where both are in the series."""
    change: Floats = variance + variance[0]
    change[0] = 0.0
    if len(series.index) and series.index[0] == 0:
        matrix = errors.prompt_covariance + errors.jitter_variance * errors.autocorrelation
        own = np.diag(matrix)
        paired = own + own[0] - 2 * matrix[0]
        change[series.index] = np.maximum(paired, 0.0)
    return change
