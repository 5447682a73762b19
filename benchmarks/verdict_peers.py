"""What other libraries say of the same runs, by their own objects where they have one.

Each early stopper sees the mean of every validation in order and gives the first at which it would
stop the run; each plateau finder sees the whole curve and gives the validation since when it is
flat. Optuna's pruners and Ray's stopper are the libraries' own objects; Keras' rule is coded here
from its documentation (its object needs a model). Needs `benchmarks/verdicts-requirements.txt`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
import polars as pl
import pymannkendall
import ruptures
from ray.tune.stopper import TrialPlateauStopper

from tests.curves import Study
from tests.shapes import Floats

optuna.logging.set_verbosity(logging.ERROR)

WARM_UP = 15


@dataclass(frozen=True)
class Curve:
    """One run as a tracker shows it."""

    run: str
    mean: Floats
    """(T,) clip/mean as cosine."""
    cells: dict[int, Floats]
    """Prompt number to (T,) scores; NaN where missing."""


def curves_of_study(study: Study) -> list[Curve]:
    """All runs of a study in the order of their truths."""
    by_prompt = (
        study.scores.filter(pl.col("panel") == "checkpoint", pl.col("cosine").is_finite())
        .group_by("run", "step", "text_id")
        .agg(pl.col("cosine").mean())
    )
    curves = []
    for truth in study.truths:
        wide = (
            by_prompt.filter(pl.col("run") == truth.run)
            .pivot(on="text_id", index="step", values="cosine")
            .sort("step")
            .drop("step")
        )
        cells = wide.to_numpy().astype(np.float64)
        columns = {int(name): cells[:, i] for i, name in enumerate(wide.columns)}
        curves.append(Curve(truth.run, np.nanmean(cells, axis=1), columns))
    return curves


Stopper = Callable[[Sequence[Curve]], list[int | None]]
"""Runs of one study to the first validation, from 0, at which each would be stopped."""

PlateauFinder = Callable[[Floats], int | None]
"""(T,) means to the first validation of the flat end; None when it is not flat."""


def optuna_pruner(pruner: optuna.pruners.BasePruner) -> Stopper:
    """The pruner over one Optuna study; every trial goes on to its end, so that one wrong stop
    does not spoil the next run's comparison."""

    def stops(curves: Sequence[Curve]) -> list[int | None]:
        study = optuna.create_study(direction="maximize", pruner=pruner)
        found: list[int | None] = []
        for curve in curves:
            trial, first = study.ask(), None
            for at, value in enumerate(curve.mean.tolist()):
                trial.report(value, at)
                if first is None and trial.should_prune():
                    first = at
            study.tell(trial, float(curve.mean[-1]))
            found.append(first)
        return found

    return stops


def optuna_wilcoxon(curves: Sequence[Curve]) -> list[int | None]:
    """WilcoxonPruner asked at each validation, prompts as its instances, against the best run that
    ended before."""
    pruner = optuna.pruners.WilcoxonPruner()
    best: tuple[float, dict[int, float]] | None = None
    found: list[int | None] = []
    for curve in curves:
        first = None
        for at in range(len(curve.mean)):
            if best is None:
                break
            study = optuna.create_study(direction="maximize")
            study.add_trial(optuna.trial.create_trial(value=best[0], intermediate_values=best[1]))
            now = optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING, intermediate_values=_at(curve, at)
            )
            if pruner.prune(study, now):
                first = at
                break
        found.append(first)
        if best is None or float(curve.mean[-1]) > best[0]:
            best = float(curve.mean[-1]), _at(curve, len(curve.mean) - 1)
    return found


def keras_patience(patience: int, min_delta: float) -> Stopper:
    """EarlyStopping's rule: `patience` validations without `min_delta` above the best."""

    def stops(curves: Sequence[Curve]) -> list[int | None]:
        return [_first_without_gain(curve.mean, patience, min_delta) for curve in curves]

    return stops


def ray_plateau(std: float) -> PlateauFinder:
    """TrialPlateauStopper, other settings as they come; flat since the first of its last four."""

    def finds(mean: Floats) -> int | None:
        stopper = TrialPlateauStopper("clip", std=std)
        for at, value in enumerate(mean.tolist()):
            if stopper("run", {"clip": value}):
                return max(at - 3, 0)
        return None

    return finds


def keras_plateau(mean: Floats) -> int | None:
    """Where the best value stood when EarlyStopping(5, min_delta=.001) stopped."""
    at = _first_without_gain(mean, 5, 0.001)
    return None if at is None else int(np.argmax(mean[: at + 1]))


def ruptures_pelt(mean: Floats) -> int | None:
    """The last segment of PELT (l2, penalty 3 log T sigma^2), if it is a quarter of the run."""
    sigma = 1.4826 * float(np.median(np.abs(np.diff(mean)))) / np.sqrt(2)
    penalty = 3 * np.log(len(mean)) * max(sigma, 1e-4) ** 2
    ends = ruptures.Pelt("l2", min_size=2, jump=1).fit(mean).predict(pen=penalty)
    start = ends[-2] if len(ends) > 1 else 0
    return start if len(mean) - start >= _tail(mean) else None


def mann_kendall(mean: Floats) -> int | None:
    """The longest end without a trend at 5 %."""
    for start in range(len(mean) - _tail(mean) + 1):
        if not pymannkendall.original_test(mean[start:]).h:
            return start
    return None


STOPPERS: dict[str, Stopper] = {
    "Optuna Median": optuna_pruner(optuna.pruners.MedianPruner()),
    f"Optuna Median, warm-up {WARM_UP}": optuna_pruner(
        optuna.pruners.MedianPruner(n_warmup_steps=WARM_UP)
    ),
    "Optuna Patient(Median, 5)": optuna_pruner(
        optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(), patience=5)
    ),
    "Optuna Patient(None, 5)": optuna_pruner(optuna.pruners.PatientPruner(None, patience=5)),
    "Optuna Wilcoxon": optuna_wilcoxon,
    "Keras rule (5, .001)": keras_patience(5, 0.001),
    "Keras rule (10, .001)": keras_patience(10, 0.001),
}
PLATEAU_FINDERS: dict[str, PlateauFinder] = {
    "Ray TrialPlateauStopper": ray_plateau(0.01),
    "Ray TrialPlateauStopper .004": ray_plateau(0.004),
    "Keras rule (5, .001)": keras_plateau,
    "ruptures PELT": ruptures_pelt,
    "Mann-Kendall": mann_kendall,
}


def _first_without_gain(mean: Floats, patience: int, min_delta: float) -> int | None:
    best, wait = -np.inf, 0
    for at, value in enumerate(mean.tolist()):
        wait += 1
        if value - min_delta > best:
            best, wait = value, 0
        if wait >= patience:
            return at
    return None


def _tail(mean: Floats) -> int:
    return max(4, int(np.ceil(0.25 * len(mean))))


def _at(curve: Curve, at: int) -> dict[int, float]:
    scores = {prompt: float(values[at]) for prompt, values in curve.cells.items()}
    return {prompt: score for prompt, score in scores.items() if np.isfinite(score)}
