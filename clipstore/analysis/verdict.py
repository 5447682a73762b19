"""Scores in, one `Verdict` per model and run out.

Invariant: no clock, no database, no picture; the same frames and rules give the same verdicts. What
is said follows from the table in `clipstore.analysis.cases`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from clipstore.analysis.abandon import Replay, replay
from clipstore.analysis.cases import Case, answer_of, case_of, label_of
from clipstore.analysis.clean import Series, series_from_scores
from clipstore.analysis.facts import Facts
from clipstore.analysis.looks import Curve, curve_of_series, curve_start
from clipstore.analysis.plateau import FLAT, PlateauFit, level_of_last, plateau_from_series
from clipstore.analysis.requirements import requirement_of
from clipstore.analysis.rules import Rules, rules_on_scale_of
from clipstore.analysis.series import RunScores, run_scores_from_frame
from clipstore.analysis.stepmeans import base_comparison, step_means
from clipstore.analysis.uncertainty import Errors, errors_from_series, take_errors
from clipstore.analysis.wording import reasons_of
from clipstore.findings import Abandon, BaseComparison, Label, Verdict
from clipstore.types import Band

ORDER: tuple[Label, ...] = ("abandon", "in band: judge by eye", "cannot tell yet", "keep going")
"""Most actionable first: stop it, look at it, give it what it lacks, leave it alone."""


@dataclass(frozen=True)
class _Analysis:
    """One run up to the point where runs must know of each other."""

    scores: RunScores
    series: Series
    errors: Errors
    fit: PlateauFit
    planned_steps: int | None
    band: Band | None
    rules: Rules
    """On the scale of the model that scored."""

    @property
    def prompts(self) -> frozenset[int]:
        return frozenset(self.scores.prompts[self.series.columns].tolist())


def verdicts_from_scores(
    scores: pl.DataFrame,
    runs: pl.DataFrame,
    bands: Mapping[int, Band | None],
    rules: Rules | None = None,
) -> tuple[Verdict, ...]:
    """One verdict per (model, run) that has a row in `scores`, most actionable first.

    scores: model_id, model, run_id, run, step, prompt_id, text_id, panel, image_index, cosine, one
    row a picture and panel; blank prompts already left out. runs: run_id, run, planned_steps (null
    when unknown). bands: by model_id; a model that is missing has no band.
    A run that reached the band proves it within reach of others with its prompts, so runs that
    belong together go into one call.
    """
    rules = rules or Rules()
    planned: dict[int, int | None] = dict(runs.select("run_id", "planned_steps").iter_rows())
    analyses = [
        _analyse(each, planned.get(each.run_id), bands.get(each.model_id), rules)
        for each in run_scores_from_frame(scores, rules)
    ]
    proofs = _prompts_that_reached_the_band(analyses)
    verdicts = [
        _verdict(each, _is_reachable(each, proofs.get(each.scores.model_id, ())))
        for each in analyses
    ]
    return tuple(sorted(verdicts, key=lambda v: (ORDER.index(v.verdict), v.run, v.model)))


def _analyse(scores: RunScores, planned: int | None, band: Band | None, rules: Rules) -> _Analysis:
    rules = rules_on_scale_of(band, rules)
    series = series_from_scores(scores, rules)
    errors = errors_from_series(series, rules)
    fit = plateau_from_series(series, errors, band, rules)
    slim = replace(series, deviations=np.zeros((0, 0)))  # the largest part, and used up by now
    return _Analysis(scores, slim, errors, fit, planned or None, band, rules)


def _prompts_that_reached_the_band(
    analyses: Sequence[_Analysis],
) -> dict[int, tuple[frozenset[int], ...]]:
    """By model, the distinct prompt sets of runs whose newest level is in the band with 99 %
    confidence for these prompts."""
    found: dict[int, set[frozenset[int]]] = {}
    for each in analyses:
        where = each.series.usable
        mean = each.series.mean[where]
        if each.band is None or len(mean) < 3:
            continue
        errors = take_errors(each.errors, each.series.mean, where, each.rules)
        level, se, _ = level_of_last(mean, errors, min(len(mean), each.fit.n_tail))
        if level - errors.quantile(0.99) * se >= each.band.low_cosine:
            found.setdefault(each.scores.model_id, set()).add(each.prompts)
    return {model_id: tuple(sets) for model_id, sets in found.items()}


def _is_reachable(each: _Analysis, proofs: Sequence[frozenset[int]]) -> bool:
    own, share = each.prompts, each.rules.sibling_overlap
    return bool(own) and any(len(own & proof) >= share * len(own) for proof in proofs)


def _verdict(each: _Analysis, reachable: bool) -> Verdict:
    scores, series, fit, rules = each.scores, each.series, each.fit, each.rules
    n_prompts, n_usable = len(series.columns), int(series.usable.sum())
    history = _replay(each, reachable) if n_usable else None
    case = case_of(
        fit,
        history.last if history else None,
        flagged=history is not None and history.standing is not None,
        n_prompts=n_prompts,
        pictures_lost=bool(scores.codes) and series.lost_at_end > 0,
        rules=rules,
    )
    base = base_comparison(scores, series, each.errors, rules)
    abandon = _abandon(case, history, each.planned_steps)
    notes = _notes(each, case, history, base)
    facts = Facts(
        case=case,
        fit=fit,
        replay=history,
        abandon=abandon,
        base=base,
        n_prompts=n_prompts,
        n_validations=n_usable,
        lost_at_end=series.lost_at_end,
        first_step=int(series.steps[0]) if len(series.steps) else None,
        last_step=int(series.steps[-1]) if len(series.steps) else None,
        planned_steps=each.planned_steps,
        band=each.band,
        notes=notes,
        rules=rules,
    )
    enough = n_usable >= rules.jitter_min_validations
    return Verdict(
        run=scores.run,
        model=scores.model,
        verdict=label_of(case),
        reasons=reasons_of(facts),
        what_it_would_take=requirement_of(facts),
        plateau=fit.plateau,
        abandon=abandon,
        base=base,
        steps=step_means(scores, series, each.errors, rules),
        n_prompts=n_prompts,
        n_validations=len(scores.steps),
        planned_steps=each.planned_steps,
        checkpoint_jitter=float(np.sqrt(each.errors.jitter_variance)) if enough else None,
        notes=notes,
    )


def _replay(each: _Analysis, reachable: bool) -> Replay:
    series, rules = each.series, each.rules
    curve = curve_of_series(series, each.errors, each.planned_steps, reachable)
    usable = series.index[series.usable]
    whole = bool(
        np.isfinite(each.scores.cosine).all()
        and series.usable.all()
        and len(np.unique(np.diff(series.steps))) <= 1
    )

    def known_at(n: int) -> Curve:
        n_rows = int(usable[n - 1]) + 1
        if n_rows == len(each.scores.steps):
            return curve
        if whole:
            return curve_start(curve, n)
        then = series_from_scores(each.scores.until(n_rows), rules)
        known = curve_of_series(
            then, errors_from_series(then, rules), each.planned_steps, reachable
        )
        return known if len(known.mean) else curve_start(curve, n)

    history = replay(curve, known_at, each.band, rules)
    standing = history.standing
    if standing and standing.reason != "COLLAPSED" and each.fit.plateau.status == "rising":
        return replace(history, standing=None)  # it was stuck then; now it is shown to rise
    return history


def _abandon(case: Case, history: Replay | None, planned: int | None) -> Abandon:
    standing = history.standing if history else None
    first = history.first_flag if history else None
    saved = None
    if first is not None and planned is not None:
        saved = max(planned - first.step, 0)
    collapsed = standing is not None and standing.reason == "COLLAPSED"
    return Abandon(
        answer=answer_of(case),
        flag=case == "FLAGGED",
        reason=standing.reason if standing else None,
        first_flag_step=first.step if first else None,
        steps_saved=saved,
        peak_step=standing.peak_step if standing and collapsed else None,
    )


def _notes(
    each: _Analysis,
    case: Case,
    history: Replay | None,
    base: BaseComparison | None,
) -> tuple[str, ...]:
    status, location = each.fit.plateau.status, each.fit.plateau.location
    n_prompts, planned = len(each.series.columns), each.planned_steps
    n_usable = int(each.series.usable.sum())
    in_band = location in ("IN_BAND", "ABOVE_BAND")
    withdrawn = history is not None and history.first_flag is not None and not history.standing
    conditions = {
        "BAND_UNKNOWN": each.band is None,
        "BUDGET_UNKNOWN": planned is None,
        "TOO_FEW_PROMPTS": n_prompts < each.rules.few_prompts,
        "TOO_FEW_VALIDATIONS": n_usable < each.rules.stuck_min_validations,
        "FLAT_AT_BASE": (
            status in FLAT
            and base is not None
            and max(abs(base.low), abs(base.high)) <= each.rules.at_base_cosine
        ),
        "IN_BAND_DECLINE": in_band and status == "falling",
        "TOO_SLOW": case == "RISING" and _misses_the_band(each),
        "UNSTABLE": status == "unstable",
        "DROPPED_UNCONFIRMED": case == "DROPPED",
        "FLAG_WITHDRAWN": withdrawn,
    }
    told = (code for code, applies in conditions.items() if applies)
    return (*told, *each.scores.codes, *each.series.codes)


def _misses_the_band(each: _Analysis) -> bool:
    """True when even the upper end of the drift, carried to the planned end, stays below."""
    high, horizon = each.fit.plateau.drift_high, each.fit.plateau.horizon_steps
    if each.planned_steps is None or each.band is None or high is None or not horizon:
        return False
    remaining = max(each.planned_steps - int(each.series.steps[-1]), 0)
    last = float(each.series.mean[each.series.usable][-1])
    return last + high * remaining / horizon < each.band.low_cosine
