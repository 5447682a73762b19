"""Verdicts and comparisons → rows of the tables that keep them.

Invariant: a row is of one run, so what is said of two runs of one name is left out: the name
alone does not tell whose it is. Numbers are rounded far below their meaning, so that other
hardware's last bits are no news, and far below what is printed, so that they print the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl

from clipstore import __version__
from clipstore.analysis.allrules import AllRules
from clipstore.analysis.rulesfile import changed_rules
from clipstore.comparisons import BASE, Comparison, Pair
from clipstore.findings import Verdict
from clipstore.storage.tables import TABLE_SCHEMAS

DECIMALS = 9
"""A page prints four: about one figure in 100,000 then ends in another digit than the stored."""


_SOURCE_SCHEMA = {
    name: TABLE_SCHEMAS["step_intervals"][name] for name in ("model_id", "run_id", "scores_until")
}


class Source(NamedTuple):
    """What the rows of a run refer to."""

    model_id: int
    run_id: int
    scores_until: datetime
    """Time of the run's newest score."""


class Sources:
    """By the names of model and run; `frame` as `sql/reads/verdict_sources.sql` gives it."""

    def __init__(self, frame: pl.DataFrame) -> None:
        names = ["model", "run"]
        self._known = {
            (row["model"], row["run"]): Source(row["model_id"], row["run_id"], row["scores_until"])
            for row in frame.unique(names, keep="none").iter_rows(named=True)
        }
        twice = frame.group_by(names).len().filter(pl.col("len") > 1)["run"]
        self.names_of_several: tuple[str, ...] = tuple(sorted(twice.unique().to_list()))
        """Names that several runs of one model share."""

    def of(self, model: str, run: str) -> Source | None:
        """None for a run that its name does not tell from another."""
        return self._known.get((model, run))


def changed_rules_json(rules: AllRules) -> str | None:
    """The constants that are not the usual ones, as the store names them; None for the usual."""
    changed = {each.name: each.value for each in changed_rules(rules)}
    return json.dumps(changed, sort_keys=True) if changed else None


def rules_of_verdicts(rules: AllRules) -> AllRules:
    """Without the constants that no verdict and no interval depends on."""
    return AllRules(verdict=rules.verdict)


def rules_of_comparisons(rules: AllRules) -> AllRules:
    """Without the constants that no comparison of runs or of checkpoints depends on."""
    return AllRules(verdict=rules.verdict, compare=rules.compare)


def verdict_rows(
    verdicts: Sequence[Verdict], sources: Sources, rules: AllRules, judged_at: datetime
) -> pl.DataFrame:
    """Of the table verdicts."""
    constants = json.dumps(asdict(rules.verdict), sort_keys=True)
    head = {
        "rules": constants,
        "changed_rules": changed_rules_json(rules_of_verdicts(rules)),
        "clipstore_version": __version__,
        "judged_at": judged_at,
    }
    return _frame(
        "verdicts",
        [
            {**source._asdict(), **_verdict_values(verdict), **head}
            for verdict in verdicts
            if (source := sources.of(verdict.model, verdict.run)) is not None
        ],
    )


def interval_rows(
    verdicts: Sequence[Verdict], sources: Sources, rules: AllRules, judged_at: datetime
) -> pl.DataFrame:
    """Of the table step_intervals: one row a validation, built by column because they are many."""
    found = [
        (source, verdict.steps)
        for verdict in verdicts
        if (source := sources.of(verdict.model, verdict.run)) is not None
    ]
    steps = [step for _, of_run in found for step in of_run]
    rows = pl.DataFrame(
        {
            "step": [step.step for step in steps],
            "adjusted_mean": [step.adjusted_mean for step in steps],
            "low": [step.low for step in steps],
            "high": [step.high for step in steps],
        },
        schema_overrides={"step": pl.Int64},
    ).with_columns(pl.exclude("step").cast(pl.Float64).round(DECIMALS).fill_nan(None))
    runs = pl.DataFrame([source._asdict() for source, _ in found], schema=_SOURCE_SCHEMA)
    n_steps = np.array([len(of_run) for _, of_run in found], np.int64)
    of_step = np.repeat(np.arange(len(found)), n_steps)
    schema = TABLE_SCHEMAS["step_intervals"]
    return (
        pl.concat([runs[of_step], rows], how="horizontal")
        .with_columns(
            changed_rules=pl.lit(changed_rules_json(rules_of_verdicts(rules)), pl.String),
            judged_at=pl.lit(judged_at, schema["judged_at"]),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    )


def best_checkpoint_rows(
    verdicts: Sequence[Verdict], sources: Sources, rules: AllRules, judged_at: datetime
) -> pl.DataFrame:
    """Of the table best_checkpoints; a run without any has a row that says so."""
    head = {
        "changed_rules": changed_rules_json(rules_of_comparisons(rules)),
        "judged_at": judged_at,
    }
    return _frame(
        "best_checkpoints",
        [
            {
                **source._asdict(),
                "best_step": best.best_step if best else None,
                "steps": list(best.steps) if best else [],
                "n_validations": best.n_validations if best else 0,
                **head,
            }
            for verdict in verdicts
            if (source := sources.of(verdict.model, verdict.run)) is not None
            for best in [verdict.best]
        ],
    )


def difference_rows(
    comparisons: Sequence[Comparison],
    sources: Sources,
    rules: AllRules,
    selection: str | None,
    compared_at: datetime,
) -> pl.DataFrame:
    """Of the table run_differences. `selection`: which runs were asked for; None for all."""
    rows: list[Mapping[str, object]] = []
    for comparison in comparisons:
        model = comparison.model
        known = [found for run in comparison.runs if (found := sources.of(model, run.run))]
        head = {
            "alpha": comparison.alpha,
            "wanted_difference": _rounded(comparison.wanted_difference),
            "n_runs": len(comparison.runs),
            "selection": selection,
            "changed_rules": changed_rules_json(rules_of_comparisons(rules)),
            "scores_until": max((each.scores_until for each in known), default=None),
            "compared_at": compared_at,
        }
        for pair in comparison.pairs:
            a = sources.of(model, pair.run_a)
            b = None if pair.run_b == BASE else sources.of(model, pair.run_b)
            if a is not None and (b is not None or pair.run_b == BASE):
                ids = {"model_id": a.model_id, "run_a_id": a.run_id}
                rows.append(
                    {**ids, "run_b_id": b.run_id if b else None, **_pair_values(pair), **head}
                )
    return _frame("run_differences", rows)


def _frame(table: str, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TABLE_SCHEMAS[table], orient="row")


def _pair_values(pair: Pair) -> dict[str, object]:
    return {
        "verdict": pair.verdict,
        "reason": pair.reason,
        "n_prompts": pair.n_prompts,
        "level_a": _rounded(pair.level_a),
        "level_b": _rounded(pair.level_b),
        "difference": _rounded(pair.difference),
        "low": _rounded(pair.low),
        "high": _rounded(pair.high),
        "p_holm": _rounded(pair.p_holm),
    }


def _verdict_values(verdict: Verdict) -> dict[str, object]:
    plateau, abandon, base = verdict.plateau, verdict.abandon, verdict.base
    return {
        "verdict": verdict.verdict,
        "reason": abandon.reason if abandon.flag else None,
        "sentence": verdict.reasons[0],
        "first_flag_step": abandon.first_flag_step,
        "steps_saved": abandon.steps_saved,
        "peak_step": abandon.peak_step,
        "status": plateau.status,
        "location": plateau.location,
        "level": _rounded(plateau.level),
        "level_low": _rounded(plateau.level_low),
        "level_high": _rounded(plateau.level_high),
        "level_any_low": _rounded(plateau.level_any_low),
        "level_any_high": _rounded(plateau.level_any_high),
        "onset_step": plateau.onset_step,
        "onset_low_step": plateau.onset_low_step,
        "onset_high_step": plateau.onset_high_step,
        "drift": _rounded(plateau.drift),
        "drift_low": _rounded(plateau.drift_low),
        "drift_high": _rounded(plateau.drift_high),
        "horizon_steps": plateau.horizon_steps,
        "base_mean": _rounded(base.base_mean if base else None),
        "base_difference": _rounded(base.difference if base else None),
        "base_low": _rounded(base.low if base else None),
        "base_high": _rounded(base.high if base else None),
        "n_prompts": verdict.n_prompts,
        "n_validations": verdict.n_validations,
        "last_step": verdict.steps[-1].step if verdict.steps else None,
        "planned_steps": verdict.planned_steps,
        "checkpoint_jitter": _rounded(verdict.checkpoint_jitter),
        "notes": list(verdict.notes),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, DECIMALS)
