"""What the runs of one store tell each other: how much checkpoints shake, what prompts can reach.

Invariant: nothing else passes from run to run. Being below a sibling is never a reason to abandon;
a sibling only shows that the band is within reach of these prompts, or how noisy a curve is.
Everything is kept by model, because models differ in scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.clean import series_from_scores
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.onset import tail_length
from clipstore.analysis.plateau import level_of_last
from clipstore.analysis.rules import Rules, rules_on_scale_of
from clipstore.analysis.series import Floats, RunScores
from clipstore.analysis.uncertainty import (
    JitterEstimate,
    errors_from_series,
    jitter_estimate,
    take_errors,
)
from clipstore.modelidentity import Band


@dataclass(frozen=True)
class ModelRules:
    """How the runs of one model are judged."""

    band: Band | None
    rules: Rules
    """On the scale of the model, with the shake that its runs show."""
    proofs: tuple[frozenset[int], ...] = ()
    """Prompt sets with which a run reached the band; none lies in another."""
    store_jitter: float | None = None
    """SD of a checkpoint's shake over all runs of the model; None with too few of them."""
    compare: CompareRules = field(default_factory=CompareRules)
    """How its checkpoints are held against each other."""


def rules_of_models(
    bands: Mapping[int, Band | None],
    model_ids: Iterable[int],
    rules: Rules,
    compare: CompareRules | None = None,
) -> dict[int, ModelRules]:
    """By model_id, before any run was looked at."""
    found = {}
    for model_id in model_ids:
        band = bands.get(model_id)
        own = rules_on_scale_of(band, rules)
        found[model_id] = ModelRules(band, own, compare=compare or CompareRules())
    return found


def with_store_jitter(
    models: Mapping[int, ModelRules], runs: Sequence[RunScores]
) -> dict[int, ModelRules]:
    """The models with the shake that their runs show: those with the lowest run_id, at most
    `jitter_sample_runs`. An identity is a hash, so they are a random sample, and always the same.
    """
    found: dict[int, list[JitterEstimate]] = {}
    n_wanted = max((model.rules.jitter_sample_runs for model in models.values()), default=0)
    sample = set(sorted({scores.run_id for scores in runs})[:n_wanted])
    for scores in runs:
        if scores.run_id in sample:
            estimate = _run_jitter(scores, models[scores.model_id].rules)
            if estimate is not None:
                found.setdefault(scores.model_id, []).append(estimate)
    known = dict(models)
    for model_id, model in models.items():
        jitter = pooled_jitter_sd(found.get(model_id, ()), model.rules)
        if jitter is not None:
            rules = replace(model.rules, jitter_prior_sd=jitter)
            known[model_id] = replace(model, rules=rules, store_jitter=jitter)
    return known


def with_proofs(
    models: Mapping[int, ModelRules], proofs: Iterable[tuple[int, frozenset[int]]]
) -> dict[int, ModelRules]:
    """The models with these (model_id, prompts that reached the band) beside those they have."""
    sets = {model_id: set(model.proofs) for model_id, model in models.items()}
    for model_id, prompts in proofs:
        sets[model_id].add(prompts)
    return {
        model_id: replace(model, proofs=_largest(sets[model_id], model.rules.max_proofs))
        for model_id, model in models.items()
    }


def prompts_that_reached(run: AnalysedRun) -> frozenset[int] | None:
    """The panel of a run whose newest level is in the band with 99 % confidence for these prompts;
    None for any other."""
    where = run.series.usable
    mean = run.series.mean[where]
    if run.band is None or len(mean) < 3:
        return None
    errors = take_errors(run.errors, run.series.mean, where, run.rules)
    n_last = min(len(mean), tail_length(len(mean), run.rules))
    level, se, _ = level_of_last(mean, errors, n_last)
    return run.prompts if level - errors.quantile(0.99) * se >= run.band.low_cosine else None


def _run_jitter(scores: RunScores, rules: Rules) -> JitterEstimate | None:
    series = series_from_scores(scores, rules)
    errors = errors_from_series(series, rules).at(np.flatnonzero(series.usable))
    return jitter_estimate(series.mean[series.usable], errors.prompt_covariance, rules)


def pooled_jitter_sd(estimates: Iterable[JitterEstimate], rules: Rules) -> float | None:
    """SD of the shake by many curves: their median weighted by length, so that a few curves that
    swing do not count as shake. None with fewer than `jitter_pool_runs`."""
    found = list(estimates)
    if len(found) < rules.jitter_pool_runs:
        return None
    variance: Floats = np.array([each.variance for each in found])
    weight: Floats = np.array([each.df for each in found])
    order = np.argsort(variance)
    share = np.cumsum(weight[order]) / weight.sum()
    median = float(variance[order][int(np.searchsorted(share, 0.5))])
    return float(np.clip(np.sqrt(max(median, 0.0)), rules.jitter_min_sd, rules.jitter_max_sd))


def is_reachable(prompts: frozenset[int], model: ModelRules) -> bool:
    """True when a run that reached the band had enough of these prompts."""
    wanted = model.rules.sibling_overlap * len(prompts)
    return bool(prompts) and any(len(prompts & proof) >= wanted for proof in model.proofs)


def _largest(sets: set[frozenset[int]], at_most: int) -> tuple[frozenset[int], ...]:
    """Those that lie in no other, the largest first: the others prove nothing more."""
    kept: list[frozenset[int]] = []
    for each in sorted(sets, key=lambda found: (-len(found), sorted(found))):
        if len(kept) < at_most and not any(each <= larger for larger in kept):
            kept.append(each)
    return tuple(kept)
