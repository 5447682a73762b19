"""A run as one side of a comparison: a mean per prompt, and the shake that prompts do not cure.

Invariant: what is compared is said by `steps`: one checkpoint, or the validations of the run's flat
end (its last quarter where it is not flat). The shake is 0 in scope "checkpoint", where the shake
is part of what is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.clean import fit_additive
from clipstore.analysis.onset import tail_length
from clipstore.analysis.plateau import (
    FLAT,
    location_of_level,
)
from clipstore.analysis.series import Floats, Ints
from clipstore.analysis.shake import Shake
from clipstore.comparisons import BASE, Scope
from clipstore.findings import Location, PlateauStatus


@dataclass(frozen=True)
class Side:
    """One mean per prompt."""

    run: str
    steps: tuple[int, ...]
    prompts: Ints
    """(n,) numbers of the prompts that have a mean, ascending; n may be 0."""
    cosine: Floats
    """(n,) mean of each over `steps`."""
    shake_variance: float
    """Variance of the mean over all prompts by the shake of the checkpoints in `steps`."""
    shake_df: float
    level_se: float
    """Of the mean over all prompts, for these prompts, shake included."""
    location: Location
    plateau: PlateauStatus

    @property
    def level(self) -> float | None:
        return float(self.cosine.mean()) if len(self.cosine) else None

    def level_se_of(self, n_prompts: int) -> float:
        """SE of the mean over only `n_prompts` of its prompts: the pictures' part grows."""
        noise = max(self.level_se**2 - self.shake_variance, 0.0)
        return float(np.sqrt(noise * len(self.cosine) / max(n_prompts, 1) + self.shake_variance))


def side_of_run(run: AnalysedRun, scope: Scope, shake: Shake, step: int | None = None) -> Side:
    """The run as `scope` compares it, or its validation `step` alone. `shake`: of its checkpoints.

    Raises `ValueError` when the run has no validation `step`.
    """
    rows = _rows_of(run, scope, step)
    prompts, cosine = _prompt_means(run, rows)
    noise_variance = _noise_variance(run, rows)
    shake_variance = 0.0 if scope == "checkpoint" else shake.variance * _shared_share(run, rows)
    level_se = float(np.sqrt(noise_variance + shake_variance))
    location: Location = "UNKNOWN"
    if len(cosine):
        location = location_of_level(float(cosine.mean()), level_se, run.band, run.rules)
    return Side(
        run=run.scores.run,
        steps=tuple(run.scores.steps[rows].tolist()),
        prompts=prompts,
        cosine=cosine,
        shake_variance=shake_variance,
        shake_df=shake.df,
        level_se=level_se,
        location=location,
        plateau=run.fit.plateau.status,
    )


def side_of_base(run: AnalysedRun, own: Side) -> Side:
    """The base model's pictures in the same run; untrained, so without a shake."""
    there = np.isfinite(run.scores.base)
    cosine = run.scores.base[there]
    noise_variance = _noise_variance(run, _rows_of(run, "checkpoint", None))
    level_se = float(np.sqrt(noise_variance))
    location: Location = "UNKNOWN"
    if len(cosine):
        location = location_of_level(float(cosine.mean()), level_se, run.band, run.rules)
    return Side(
        run=BASE,
        steps=(),
        prompts=run.scores.prompts[there],
        cosine=cosine,
        shake_variance=0.0,
        shake_df=own.shake_df,
        level_se=level_se,
        location=location,
        plateau="too_short",
    )


def _rows_of(run: AnalysedRun, scope: Scope, step: int | None) -> Ints:
    """Which validations of the `RunScores`."""
    scores, series, fit = run.scores, run.series, run.fit
    if step is not None:
        rows = np.flatnonzero(scores.steps == step)
        if len(rows) == 0:
            raise ValueError(f"no validation at step {step}")
        return rows
    usable = series.index[series.usable]
    if scope == "checkpoint" or fit.plateau.status == "too_short":
        return series.index[-1:] if scope == "checkpoint" else usable[-1:]
    tail = tail_length(len(usable), run.rules)
    return usable[-(fit.n_tail if fit.plateau.status in FLAT else tail) :]


def _prompt_means(run: AnalysedRun, rows: Ints) -> tuple[Ints, Floats]:
    """(numbers, means) of the prompts that most of these validations have, holes accounted for."""
    block = run.scores.cosine[rows]  # (w, P)
    there = np.isfinite(block)
    share = there.sum(axis=0) / max(len(rows), 1)
    columns = np.flatnonzero((share >= run.rules.min_prompt_presence) & (share > 0))
    mean, effect = fit_additive(block[:, columns][there[:, columns].any(axis=1)])
    level = float(mean.mean()) if len(mean) else 0.0
    return run.scores.prompts[columns], level + effect


def _noise_variance(run: AnalysedRun, rows: Ints) -> float:
    """Variance of the mean over the validations `rows` by pictures."""
    series, errors = run.series, run.errors
    at = np.flatnonzero(np.isin(series.index, rows))
    if len(at) < len(rows) or len(at) == 0:  # a validation that is not part of the curve
        own = errors.noise()
        return float(np.median(own)) if len(own) else run.rules.prior_change_sd**2
    weights = np.full(len(at), 1 / len(at))
    covariance = errors.prompt_covariance[np.ix_(at, at)]
    return max(float(weights @ covariance @ weights) - errors.between_prompts, 1e-12)


def _shared_share(run: AnalysedRun, rows: Ints) -> float:
    """Variance of that mean by a shake of variance 1: 1 for a single validation."""
    series = run.series
    at = np.flatnonzero(np.isin(series.index, rows))
    if len(at) < len(rows) or len(at) == 0:
        return 1.0
    return float(run.errors.autocorrelation[np.ix_(at, at)].mean())
