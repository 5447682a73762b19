"""One run's matrix becomes a curve that compares its own validations fairly.

Invariant: the curve is `m_t` of the additive fit score(t, p) = m_t + a_p with the a_p adding up to
0, over the prompts that most validations have. Where every cell is there, m_t is the plain mean;
where cells are missing, a hard prompt's absence does not look like progress.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.arrays import column_medians, median
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Bools, Floats, Ints, RunScores


@dataclass(frozen=True)
class Series:
    """The clean curve of a run: T validations that count, n prompts of the panel."""

    index: Ints
    """(T,) which validations of the `RunScores` these are."""
    steps: Ints
    """(T,)"""
    position: Floats
    """(T,) steps in units of the usual distance between validations."""
    gap_steps: float
    """That distance; 1 for a single validation."""
    mean: Floats
    """(T,) composition-adjusted clip/mean, raw cosine."""
    deviations: Floats
    """(T, n) a_p plus what is left of each cell, enlarged by n / present so that the covariance
    over prompts, divided by n, is that of the mean over the prompts present."""
    columns: Ints
    """(n,) which prompts of the `RunScores` form the panel."""
    prompt_effect: Floats
    """(n,) a_p"""
    step_sd: float
    """SD of one validation's mean: pictures' noise and the assumed checkpoint shake."""
    usable: Bools
    """(T,) False for lone bad validations and for an unconfirmed last one."""
    mixed_up: Bools
    """(T,) True for those of them whose scores lost the pattern of the prompts."""
    lost_at_end: int
    """Newest validations that do not count because their scores repeat or are missing."""
    codes: tuple[str, ...]


def series_from_scores(scores: RunScores, rules: Rules) -> Series:
    """The clean curve; with no usable prompt or validation, arrays of length 0."""
    first, codes = _start_of_present_prompts(scores.cosine, rules)
    cosine = scores.cosine[first:]
    columns, kept = _panel_of(cosine, rules)
    panel = cosine[np.ix_(kept, columns)]
    mean, effect = fit_additive(panel)
    n_present = np.isfinite(panel).sum(axis=1, keepdims=True)
    left = np.nan_to_num(panel - mean[:, None] - effect)  # a hole is filled with m_t + a_p
    deviations = effect + left * (len(columns) / np.maximum(n_present, 1))
    index = kept + first
    steps = scores.steps[index]
    gap = median(np.diff(steps)) if len(steps) > 1 else 1.0
    step_sd = _step_sd(deviations, rules)
    limit = max(rules.bad_step_cosine, rules.bad_step_sds * step_sd)
    profile = prompt_profile(panel, effect)
    bad = isolated_bad_steps(mean, profile, limit, rules)
    mixed_up = bad & (profile < rules.mixed_up_correlation)
    unconfirmed = _last_is_unconfirmed(mean, bad, limit)
    usable = ~bad
    if unconfirmed:
        usable[-1] = False
    lost = len(scores.steps) - 1 - int(index[-1]) if len(index) else len(scores.steps)
    return Series(
        index=index,
        steps=steps,
        position=(steps - steps[0]) / gap if len(steps) else np.zeros(0),
        gap_steps=gap,
        mean=mean,
        deviations=deviations,
        columns=columns,
        prompt_effect=effect,
        step_sd=step_sd,
        usable=usable,
        mixed_up=mixed_up,
        lost_at_end=lost,
        codes=(
            *codes,
            *(("ISOLATED_BAD_STEP",) if bad.any() else ()),
            *(("MIXED_UP_STEP",) if mixed_up.any() else ()),
            *(("LAST_STEP_UNCONFIRMED",) if unconfirmed else ()),
        ),
    )


def fit_additive(panel: Floats) -> tuple[Floats, Floats]:
    """Least squares fit of panel[t, p] = m[t] + a[p], mean(a) = 0; NaN cells are missing.

    panel (T, n) with no empty row or column; returns m (T,) and a (n,). Eliminating a from the
    normal equations leaves a T x T system, so the fit is exact and needs no iteration.
    """
    if panel.size == 0:
        return np.zeros(panel.shape[0]), np.zeros(panel.shape[1])
    there = np.isfinite(panel)
    if there.all():
        mean = panel.mean(axis=1)
        return mean, panel.mean(axis=0) - mean.mean()
    weight = there.astype(np.float64)
    filled = np.where(there, panel, 0.0)
    per_prompt = np.maximum(weight.sum(axis=0), 1.0)
    shared = weight / per_prompt
    system = np.diag(weight.sum(axis=1)) - shared @ weight.T  # (T, T), constants in its null space
    right = filled.sum(axis=1) - shared @ filled.sum(axis=0)
    mean = np.linalg.lstsq(system, right, rcond=None)[0]
    effect = (filled - weight * mean[:, None]).sum(axis=0) / per_prompt
    return mean + effect.mean(), effect - effect.mean()


def isolated_bad_steps(mean: Floats, profile: Floats, limit: float, rules: Rules) -> Bools:
    """(T,) True for a validation that jumps away and comes straight back.

    Measured against the median of its two neighbours on either side, further than `limit`. Two in a
    row may be a short dip of the run, so they count only when their scores also lost the pattern of
    prompts (`profile` (T,), correlation with the usual one): pictures of other prompts. More than
    `max_bad_steps` otherwise are an oscillation and stay.
    """
    n_steps = len(mean)
    none = np.zeros(n_steps, bool)
    if n_steps < 3:
        return none
    padded = np.concatenate([[np.nan] * 2, mean, [np.nan] * 2])
    beside = np.stack([padded[at : at + n_steps] for at in (0, 1, 3, 4)])  # (4, T)
    around = column_medians(beside)
    off = np.abs(np.nan_to_num(beside, nan=np.inf) - around)
    agree = np.maximum(off[:2].min(axis=0), off[2:].min(axis=0)) < limit / 2
    jumps = agree & (np.abs(mean - around) > limit)
    mixed = jumps & (profile < rules.mixed_up_correlation)
    alone = jumps & ~np.append(jumps[1:], False) & ~np.append(False, jumps[:-1])
    bad = alone if alone.sum() <= rules.max_bad_steps else none
    return bad | mixed if (bad | mixed).sum() <= n_steps / 4 else bad


def prompt_profile(panel: Floats, effect: Floats) -> Floats:
    """(T,) correlation of each validation's scores with the prompts' usual ones; 1 where unknown.

    panel (T, n), NaN where missing; effect (n,).
    """
    there = np.isfinite(panel)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    x = np.where(there, panel - np.where(there, panel, 0).sum(axis=1, keepdims=True) / count, 0)
    y = np.where(there, effect - np.where(there, effect, 0).sum(axis=1, keepdims=True) / count, 0)
    scale = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return np.where(scale > 0, (x * y).sum(axis=1) / np.where(scale > 0, scale, 1), 1.0)


def _last_is_unconfirmed(mean: Floats, bad: Bools, limit: float) -> bool:
    earlier = mean[:-1][~bad[:-1]][-3:]
    if len(earlier) < 3:
        return False
    return bool(np.ptp(earlier) < limit / 2 and abs(mean[-1] - earlier[-1]) > limit)


def _step_sd(deviations: Floats, rules: Rules) -> float:
    n_steps, n_prompts = deviations.shape
    if n_steps < 2 or n_prompts < 2:
        change = rules.prior_change_sd**2
    else:
        change = median(np.diff(deviations, axis=0).var(axis=1, ddof=1))
    return float(np.sqrt(change / max(n_prompts, 1) + rules.jitter_prior_sd**2))


def _panel_of(cosine: Floats, rules: Rules) -> tuple[Ints, Ints]:
    """(columns of the panel, rows that have enough of it)."""
    there = np.isfinite(cosine)
    alive = there.any(axis=1)
    n_alive = int(alive.sum())
    presence = there.sum(axis=0) / max(n_alive, 1)
    columns = np.flatnonzero((presence >= rules.min_prompt_presence) & (presence > 0))
    coverage = there[:, columns].sum(axis=1) / max(len(columns), 1)
    kept = np.flatnonzero((coverage >= rules.min_step_coverage) & (coverage > 0))
    columns = columns[there[np.ix_(kept, columns)].any(axis=0)]
    return columns, kept


def _start_of_present_prompts(cosine: Floats, rules: Rules) -> tuple[int, tuple[str, ...]]:
    """Where the curve starts: at 0, or where most of today's prompts came in.

    A run whose prompts were replaced or edited half-way has two curves; the newer one is judged.
    """
    there = np.isfinite(cosine)
    alive = np.flatnonzero(there.any(axis=1))
    if len(alive) == 0:
        return 0, ()
    some = min(3, len(alive))  # one validation may lack a few prompts
    at_start, today = there[alive[:some]].any(axis=0), there[alive[-some:]].any(axis=0)
    if (at_start & today).sum() >= rules.min_step_coverage * today.sum():
        return 0, ()
    with_today = there[:, today].mean(axis=1) >= rules.min_step_coverage
    return int(np.flatnonzero(with_today)[0]) if with_today.any() else 0, ("PROMPT_SET_CHANGED",)
