"""How far the curve can be trusted: the variance of any weighted sum of validations.

Invariant: one T x T matrix per run answers for every comparison of its validations. It has two
parts: prompts, which more prompts average out, and the checkpoint's shake, which moves all prompts
together and which only more validations average out. Leaving out the second makes two equally good
checkpoints "differ" more often the more prompts there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from clipstore.analysis.arrays import median
from clipstore.analysis.clean import Series
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Bools, Floats, Ints


@dataclass(frozen=True)
class Errors:
    """Variances for T validations of one run."""

    prompt_covariance: Floats
    """(T, T) covariance of the validations' means by the choice and the noise of prompts."""
    between_prompts: float
    """The part of it that is common to all validations: how prompts differ in level."""
    autocorrelation: Floats
    """(T, T) correlation of the checkpoints' shakes."""
    jitter_variance: float
    """Variance of one checkpoint's shake."""
    df: float
    """Degrees of freedom of the prompt part."""

    def variance(self, weights: Floats, *, any_prompts: bool = False) -> float:
        """Variance of `weights` (T,) @ means.

        For weights that add up to 0 the level of the prompts cancels. For a level,
        `any_prompts=False` speaks of these very prompts and True of any set of their kind.
        """
        matrix = self.prompt_covariance + self.jitter_variance * self.autocorrelation
        total = float(weights @ matrix @ weights)
        if not any_prompts:
            total -= self.between_prompts * float(weights.sum()) ** 2
        return max(total, 1e-12)

    def step_variance(self) -> Floats:
        """(T,) variance of each single validation for these prompts, shake included."""
        own = np.diag(self.prompt_covariance) - self.between_prompts
        return np.asarray(np.maximum(own, 1e-12) + self.jitter_variance)

    def noise(self) -> Floats:
        """(T,) the prompts' share of that: what more prompts would average out."""
        return np.asarray(np.maximum(np.diag(self.prompt_covariance) - self.between_prompts, 0.0))

    def at(self, kept: Ints) -> Errors:
        """The errors of the validations `kept`, as if there were no others."""
        if len(kept) == len(self.prompt_covariance):
            return self
        covariance = self.prompt_covariance[np.ix_(kept, kept)]
        return replace(
            self,
            prompt_covariance=covariance,
            between_prompts=_between(covariance) if len(kept) > 1 else self.between_prompts,
            autocorrelation=self.autocorrelation[np.ix_(kept, kept)],
        )

    def first(self, n_steps: int) -> Errors:
        """The errors of the first validations, as if there were no others."""
        start = slice(0, n_steps)
        covariance = self.prompt_covariance[start, start]
        return replace(
            self,
            prompt_covariance=covariance,
            between_prompts=_between(covariance) if n_steps > 1 else self.between_prompts,
            autocorrelation=self.autocorrelation[start, start],
        )

    def quantile(self, probability: float) -> float:
        """Student's t for the prompt part's degrees of freedom."""
        return float(stdtrit(self.df, probability))


def errors_from_series(series: Series, rules: Rules) -> Errors:
    """The moderated covariance of all T validations of the series and its estimated shake."""
    n_steps, n = series.deviations.shape
    weight = rules.prior_weight / (rules.prior_weight + max(n - 1, 0))
    prior = rules.prior_prompt_sd**2 + 0.5 * rules.prior_change_sd**2 * np.eye(n_steps)
    if n > 1:
        centred = series.deviations - series.deviations.mean(axis=1, keepdims=True)
        observed = centred @ centred.T / (n - 1)  # (T, T)
    else:
        observed = prior
    covariance = ((1 - weight) * observed + weight * prior) / max(n, 1)
    lag = np.abs(series.position[:, None] - series.position[None, :])
    errors = Errors(
        prompt_covariance=covariance,
        between_prompts=_between(covariance - 0.5 * rules.prior_change_sd**2 / max(n, 1))
        if n_steps == 1  # nothing but the assumption tells level from noise
        else _between(covariance),
        autocorrelation=rules.jitter_autocorrelation**lag,
        jitter_variance=rules.jitter_prior_sd**2,
        df=rules.prior_weight + max(n - 1, 0),
    )
    return take_errors(errors, series.mean, np.ones(n_steps, bool), rules)


def take_errors(errors: Errors, mean: Floats, where: Bools, rules: Rules) -> Errors:
    """The errors of the validations `where` (T,) is True, with the shake estimated from them.

    `mean` is the whole curve (T,).
    """
    kept = errors.at(np.flatnonzero(where))
    shake = jitter_variance(mean[where], kept.prompt_covariance, rules)
    return replace(kept, jitter_variance=shake)


@dataclass(frozen=True)
class JitterEstimate:
    """What one curve says of the checkpoints' shake."""

    variance: float
    """May be negative: the prompts' noise is subtracted."""
    df: float


def jitter_estimate(mean: Floats, prompt_covariance: Floats, rules: Rules) -> JitterEstimate | None:
    """The shake's variance by the curve's own second differences; None with too few validations.

    Second differences cancel the level and a straight trend; what they keep beyond the prompts'
    noise is shake. Six times a variance for independent shakes, less for correlated ones.
    """
    n_steps = len(mean)
    if n_steps < rules.jitter_min_validations:
        return None
    bend = np.abs(np.diff(mean, 2))
    spread = (1.4826 * median(bend)) ** 2 / 6
    diagonal = np.diag(prompt_covariance)
    near = np.diag(prompt_covariance, 1)
    far = np.diag(prompt_covariance, 2)
    prompts = diagonal[:-2] + 4 * diagonal[1:-1] + diagonal[2:] - 4 * near[:-1] - 4 * near[1:]
    share = median(prompts + 2 * far) / 6
    rho = rules.jitter_autocorrelation
    return JitterEstimate((spread - share) / (1 - 4 * rho / 3 + rho**2 / 3), (n_steps - 2) / 3)


def jitter_variance(mean: Floats, prompt_covariance: Floats, rules: Rules) -> float:
    """Variance of the checkpoint's shake: the curve's estimate pulled towards the usual one."""
    usual = rules.jitter_prior_sd**2
    found = jitter_estimate(mean, prompt_covariance, rules)
    if found is None:
        return usual
    weight = rules.jitter_prior_weight
    pooled = (weight * usual + found.df * max(found.variance, 0.0)) / (weight + found.df)
    return min(pooled, rules.jitter_max_sd**2)


def _between(covariance: Floats) -> float:
    """Mean covariance of two different validations; of one with itself where there is but one."""
    n_steps = len(covariance)
    if n_steps < 2:
        return max(float(covariance.sum()), 0.0)
    off_diagonal = (covariance.sum() - np.trace(covariance)) / (n_steps * (n_steps - 1))
    return max(float(off_diagonal), 0.0)
