"""Which prompts of a run rose or fell: each against its own earlier number.

Invariant: prompts are compared with themselves, never with each other, and a list of many is
corrected for being many. Benjamini and Hochberg's rate, not Holm's, because the list is for looking
at pictures: one entry in twenty that is chance costs a glance, and Holm over hundreds of prompts
would hide most true ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.multiple import benjamini_hochberg
from clipstore.analysis.onset import tail_length
from clipstore.analysis.pairs import may_be_in_band
from clipstore.analysis.plateau import slope_weights
from clipstore.analysis.promptnoise import PromptNoise, prompt_noise
from clipstore.analysis.prompttags import tag_changes
from clipstore.analysis.series import Floats, Ints
from clipstore.analysis.uncertainty import take_errors
from clipstore.promptfindings import (
    ChangeVerdict,
    PromptChange,
    PromptFacts,
    PromptReport,
    Reference,
)


@dataclass(frozen=True)
class _Estimates:
    """Per prompt (P,): a value, its 95 % half-width and its q value; NaN where not known."""

    value: Floats
    half: Floats
    q: Floats


def prompt_report(
    run: AnalysedRun,
    facts: Mapping[int, PromptFacts],
    reference: Reference | None,
    rules: CompareRules,
) -> PromptReport | None:
    """The prompts of one run; None when it has no usable score.

    facts: by the numbers in `run.scores.prompts`. reference None: the base model where it has as
    many prompts as a comparison needs, else the first validation.
    """
    scores, series = run.scores, run.series
    rows = series.index[series.usable]  # (T,) of the validations that count
    if len(rows) == 0:
        return None
    if reference is None:
        n_base = int(np.isfinite(scores.base).sum())
        reference = "base" if n_base >= rules.min_common_prompts else "first"
    # The last quarter, also of a run that is flat for longer: prompts move while their mean rests.
    at = np.arange(len(rows))[-tail_length(len(rows), run.rules) :]
    cosine = scores.cosine[rows]  # (T, P)
    before = scores.base
    if reference == "first":
        before = cosine[0] if len(rows) > 1 else np.full(cosine.shape[1], np.nan)
        at = at[at > 0] if len(rows) > 1 else at  # the first one is not compared with itself
    level = _mean_of(cosine[at])
    noise = None
    if len(rows) >= run.rules.min_validations:
        curve = series.mean[series.usable]
        noise = prompt_noise(cosine, curve, series.position[series.usable], rules)
    change = _changes(run, cosine, at, before, noise)
    trend = _trends(run, cosine, noise)
    known = np.flatnonzero(np.isfinite(level))
    prompts = [
        _prompt(facts[int(scores.prompts[p])], p, cosine, level, before, (change, trend), rules)
        for p in known.tolist()
    ]
    both = np.isfinite(level) & np.isfinite(before)
    in_band = bool(both.any()) and all(
        may_be_in_band(float(values[both].mean()), 0.0, run.band, run.rules)
        for values in (level, before)
    )
    return PromptReport(
        run=scores.run,
        model=scores.model,
        reference=reference,
        reference_step=None if reference == "base" else int(scores.steps[rows[0]]),
        steps=tuple(scores.steps[rows[at]].tolist()),
        in_band=in_band,
        false_discovery_rate=rules.false_discovery_rate,
        prompts=tuple(
            sorted(
                prompts, key=lambda each: (each.change is None, each.change or 0.0, each.prompt_id)
            )
        ),
        tags=tag_changes(prompts, run, _shake(run, at), rules),
    )


def _mean_of(block: Floats) -> Floats:
    """(w, P) to (P,): mean over the validations that have the prompt; NaN where none has."""
    there = np.isfinite(block)
    count = there.sum(axis=0)
    total = np.where(there, block, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _shake(run: AnalysedRun, at: Ints) -> float:
    """Variance that the checkpoints' shake gives the mean over the usable validations `at`."""
    weights = np.zeros(int(run.series.usable.sum()))
    weights[at] = 1 / max(len(at), 1)
    return _shake_of(run, weights)


def _shake_of(run: AnalysedRun, weights: Floats) -> float:
    errors = take_errors(run.errors, run.series.mean, run.series.usable, run.rules)
    return errors.jitter_variance * float(weights @ errors.autocorrelation @ weights)


def _changes(
    run: AnalysedRun, cosine: Floats, at: Ints, before: Floats, noise: PromptNoise | None
) -> _Estimates:
    value = _mean_of(cosine[at]) - before
    if noise is None or len(at) == 0:
        return _unknown(value)
    correlation = noise.correlation[np.ix_(at, at)]
    shared = float(correlation.sum()) / len(at) ** 2
    holes = len(at) / np.maximum(np.isfinite(cosine[at]).sum(axis=0), 1)
    # The reference is one set of pictures, as noisy as one validation.
    variance = noise.variance * (np.minimum(shared * holes, 1.0) + 1.0) + _shake(run, at)
    return _estimates(value, variance, noise.df)


def _trends(run: AnalysedRun, cosine: Floats, noise: PromptNoise | None) -> _Estimates:
    """Along a straight line through all validations that count, over the whole run."""
    if noise is None:
        return _unknown(np.full(cosine.shape[1], np.nan))
    position = run.series.position[run.series.usable]
    span = float(np.ptp(position))
    weights = slope_weights(position, np.zeros(len(position)))[0] * span
    value = _line_with_holes(cosine, position)
    lost = len(position) / np.maximum(np.isfinite(cosine).sum(axis=0), 1)
    own = float(weights @ noise.correlation @ weights)
    variance = noise.variance * own * lost + _shake_of(run, weights)
    return _estimates(np.where(np.isfinite(noise.variance), value, np.nan), variance, noise.df)


def _line_with_holes(cosine: Floats, position: Floats) -> Floats:
    """(P,) rise of each prompt's own line over the whole span."""
    there = np.isfinite(cosine)
    count = np.maximum(there.sum(axis=0), 1)
    middle = np.where(there, position[:, None], 0.0).sum(axis=0) / count
    centred = np.where(there, position[:, None] - middle, 0.0)
    spread = (centred**2).sum(axis=0)
    rise = (centred * np.where(there, cosine, 0.0)).sum(axis=0)
    return np.where(spread > 0, rise / np.maximum(spread, 1e-12), np.nan) * float(np.ptp(position))


def _unknown(value: Floats) -> _Estimates:
    nothing = np.full(len(value), np.nan)
    return _Estimates(value, nothing, nothing)


def _estimates(value: Floats, variance: Floats, df: float) -> _Estimates:
    se = np.sqrt(np.maximum(variance, 1e-18))
    p = 2 * stdtr(df, -np.abs(value) / se)
    q = np.full(len(value), np.nan)
    known = np.isfinite(p)
    q[known] = benjamini_hochberg(p[known].tolist())
    return _Estimates(value, float(stdtrit(df, 0.975)) * se, q)


def _prompt(
    facts: PromptFacts,
    p: int,
    cosine: Floats,
    level: Floats,
    before: Floats,
    estimates: Sequence[_Estimates],
    rules: CompareRules,
) -> PromptChange:
    change, low, high, q = _at(estimates[0], p)
    trend, trend_low, trend_high, trend_q = _at(estimates[1], p)
    verdict: ChangeVerdict = "cannot tell"
    if q is not None and change is not None and q < rules.false_discovery_rate:
        verdict = "rose" if change > 0 else "fell"
    return PromptChange(
        prompt_id=facts.prompt_id,
        text=facts.text,
        tags=facts.tags,
        flags=facts.flags,
        n_validations=int(np.isfinite(cosine[:, p]).sum()),
        level=float(level[p]),
        reference=float(before[p]) if np.isfinite(before[p]) else None,
        change=change,
        low=low,
        high=high,
        q_value=q,
        verdict=verdict,
        trend=trend,
        trend_low=trend_low,
        trend_high=trend_high,
        trend_q_value=trend_q,
    )


def _at(
    estimates: _Estimates, p: int
) -> tuple[float | None, float | None, float | None, float | None]:
    """(value, low, high, q) of one prompt; None where not known."""
    value, half, q = (float(each[p]) for each in (estimates.value, estimates.half, estimates.q))
    if not np.isfinite(value):
        return None, None, None, None
    if not np.isfinite(half):
        return value, None, None, None
    return value, value - half, value + half, q
