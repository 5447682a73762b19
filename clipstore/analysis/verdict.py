"""Scores in, one `Verdict` per model and run out.

Invariant: no clock, no database, no picture; the same frames and rules give the same verdicts. What
is said follows from the table in `clipstore.analysis.cases`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from clipstore.analysis.abandon import Replay, could_be_stuck, replay
from clipstore.analysis.advice import advice_of
from clipstore.analysis.analysed import AnalysedRun, analyse_run
from clipstore.analysis.bestcheckpoints import best_checkpoints
from clipstore.analysis.cases import Case, answer_of, case_of, label_of
from clipstore.analysis.clean import series_from_scores
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.dataneeded import data_needed
from clipstore.analysis.facts import Facts
from clipstore.analysis.looks import Curve, curve_of_series, curve_start
from clipstore.analysis.notes import notes_of
from clipstore.analysis.outlook import is_too_slow, soonest_band_step
from clipstore.analysis.requirements import requirement_of
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import RunScores, run_scores_from_frame
from clipstore.analysis.siblings import (
    ModelRules,
    is_reachable,
    prompts_that_reached,
    rules_of_models,
    with_proofs,
    with_store_jitter,
)
from clipstore.analysis.stepmeans import base_comparison, step_means
from clipstore.analysis.uncertainty import errors_from_series
from clipstore.analysis.wording import reasons_of
from clipstore.findings import Abandon, Label, Verdict
from clipstore.modelidentity import Band

ORDER: tuple[Label, ...] = ("abandon", "in band: judge by eye", "cannot tell yet", "keep going")
"""Most actionable first: stop it, look at it, give it what it lacks, leave it alone."""


def verdicts_from_scores(
    scores: pl.DataFrame,
    runs: pl.DataFrame,
    bands: Mapping[int, Band | None],
    rules: Rules | None = None,
    compare: CompareRules | None = None,
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
    return judge_together(
        list(run_scores_from_frame(scores, rules)), planned, bands, rules, compare
    )


def judge_together(
    found: Sequence[RunScores],
    planned: Mapping[int, int | None],
    bands: Mapping[int, Band | None],
    rules: Rules,
    compare: CompareRules | None = None,
) -> tuple[Verdict, ...]:
    """The same for runs that are matrices already; `planned` by run_id."""
    models = rules_of_models(bands, {each.model_id for each in found}, rules, compare)
    models = with_store_jitter(models, found)
    runs = [
        analyse_run(each, models[each.model_id].band, models[each.model_id].rules) for each in found
    ]
    proofs = ((run.scores.model_id, prompts_that_reached(run)) for run in runs)
    models = with_proofs(models, ((model_id, each) for model_id, each in proofs if each))
    return in_order(
        verdict_of_run(run, planned.get(run.scores.run_id), models[run.scores.model_id])
        for run in runs
    )


def in_order(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Most actionable first, then by name."""
    return tuple(sorted(verdicts, key=lambda v: (ORDER.index(v.verdict), v.run, v.model)))


def waits_for_proof(run: AnalysedRun, planned_steps: int | None, model: ModelRules) -> bool:
    """True when the verdict could change if another run showed these prompts to reach the band."""
    if run.band is None or not run.series.usable.any() or is_reachable(run.prompts, model):
        return False
    curve = curve_of_series(run.series, run.errors, planned_steps or None, reachable=False)
    return could_be_stuck(curve, run.band, run.rules)


def verdict_of_run(each: AnalysedRun, planned_steps: int | None, model: ModelRules) -> Verdict:
    """All that is said of one run; `model` knows what its siblings showed."""
    scores, series, fit, rules = each.scores, each.series, each.fit, each.rules
    planned_steps = planned_steps or None
    n_prompts, n_usable = len(series.columns), int(series.usable.sum())
    reachable = is_reachable(each.prompts, model)
    history = _replay(each, planned_steps, reachable) if n_usable else None
    case = case_of(
        fit,
        history.last if history else None,
        flagged=history is not None and history.standing is not None,
        n_prompts=n_prompts,
        pictures_lost=bool(scores.codes) and series.lost_at_end > 0,
        too_slow=n_usable > 0 and is_too_slow(each, planned_steps),
        rules=rules,
    )
    base = base_comparison(scores, series, each.errors, rules)
    abandon = _abandon(case, history, planned_steps)
    notes = notes_of(each, planned_steps, case, history, base)
    facts = Facts(
        case=case,
        fit=fit,
        replay=history,
        abandon=abandon,
        base=base,
        n_prompts=n_prompts,
        n_validations=n_usable,
        lost_at_end=series.lost_at_end,
        mixed_up_steps=tuple(series.steps[series.mixed_up].tolist()),
        first_step=int(series.steps[0]) if len(series.steps) else None,
        last_step=int(series.steps[-1]) if len(series.steps) else None,
        planned_steps=planned_steps,
        soonest_band_step=soonest_band_step(each) if n_usable else None,
        band=each.band,
        notes=notes,
        rules=rules,
    )
    needed = data_needed(facts)
    advice = advice_of(facts, needed)
    enough = n_usable >= rules.jitter_min_validations
    return Verdict(
        run=scores.run,
        model=scores.model,
        verdict=label_of(case),
        reasons=reasons_of(facts, advice),
        what_it_would_take=requirement_of(facts, needed),
        plateau=fit.plateau,
        abandon=abandon,
        base=base,
        steps=step_means(scores, series, each.errors, rules),
        n_prompts=n_prompts,
        n_validations=len(scores.steps),
        planned_steps=planned_steps,
        checkpoint_jitter=float(np.sqrt(each.errors.jitter_variance)) if enough else None,
        notes=notes,
        store_jitter=model.store_jitter,
        advice=advice,
        best=best_checkpoints(each, model.compare),
    )


def _replay(each: AnalysedRun, planned_steps: int | None, reachable: bool) -> Replay:
    series, rules = each.series, each.rules
    curve = curve_of_series(series, each.errors, planned_steps, reachable)
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
        known = curve_of_series(then, errors_from_series(then, rules), planned_steps, reachable)
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
