"""Store → verdicts and comparisons: reads the frames that the pure analysis needs and hands them
over."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from clipstore.analysis.advice import with_checkpoints
from clipstore.analysis.allrules import AllRules
from clipstore.analysis.analysed import analyse_run
from clipstore.analysis.compare import compare_run_scores, compare_runs
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.comparing import CompareOptions
from clipstore.analysis.inchunks import StoreFacts, run_scores_in_chunks, verdicts_in_chunks
from clipstore.analysis.prompttrends import prompt_report
from clipstore.analysis.rules import Rules, rules_on_scale_of
from clipstore.analysis.series import numbered_prompts, run_scores_from_frame
from clipstore.comparisons import ComparisonSet
from clipstore.errors import RunUnknown
from clipstore.findings import Verdict
from clipstore.modelidentity import Band
from clipstore.promptfindings import PromptFacts, PromptFlag, PromptReport, Reference
from clipstore.sources.checkpoints import list_checkpoints
from clipstore.storage.store import Reader, open_current
from clipstore.types import TRAINED_PANELS

OTHER_ROWS = 1_000_000
"""Scores read at most of runs that are not compared, only for their shake: about a second."""


def verdicts_in_store(store: Path, rules: Rules | None = None) -> tuple[Verdict, ...]:
    """A verdict for every run and model in the store, most actionable first."""
    with open_current(store) as reader:
        return verdicts_from_reader(reader, rules)


def verdicts_from_reader(
    reader: Reader,
    rules: Rules | None = None,
    planned_steps: int | None = None,
    n_processes: int | None = None,
    compare: CompareRules | None = None,
) -> tuple[Verdict, ...]:
    """The same for a store that is open. A large one is judged by `n_processes` at once, one a
    core when that is None. `planned_steps`: for runs whose config does not say. `compare`: how a
    run's checkpoints are held against each other."""
    runs = reader.read("analysis_runs")
    facts = _store_facts(reader, runs, planned_steps)
    verdicts = verdicts_in_chunks(reader, facts, rules or Rules(), compare, n_processes)
    roots = dict(runs.select("run", "root").iter_rows())
    return tuple(_with_checkpoints(verdict, roots.get(verdict.run)) for verdict in verdicts)


def compare_from_reader(
    reader: Reader,
    runs: Collection[str],
    questions: Sequence[CompareOptions],
    rules: AllRules,
) -> tuple[ComparisonSet, ...]:
    """Compare the scored ones of these runs, an answer to each question. The scores are read a few
    runs at a time, so that many runs of thousands of prompts can be compared."""
    facts = _store_facts(reader, reader.read("analysis_runs"), None)
    wanted = set(runs)
    run_ids = [run_id for run_id, name in facts.runs.items() if name in wanted]
    found = run_scores_in_chunks(reader, facts, rules.verdict, run_ids)
    numbers = reader.read("analysis_prompt_ids")
    prompt_ids = dict(
        zip(numbers["prompt"].to_numpy().view(np.int64).tolist(), numbers["prompt_id"], strict=True)
    )
    return compare_run_scores(
        found, prompt_ids, facts.bands, questions, rules.verdict, rules.compare
    )


def _store_facts(reader: Reader, runs: pl.DataFrame, planned_steps: int | None) -> StoreFacts:
    return StoreFacts(
        models=dict(reader.read("analysis_models").select("model_id", "model").iter_rows()),
        bands=bands_from_reader(reader),
        runs=dict(runs.select("run_id", "run").iter_rows()),
        planned_steps={
            run_id: known or planned_steps
            for run_id, known in runs.select("run_id", "planned_steps").iter_rows()
        },
    )


def _with_checkpoints(verdict: Verdict, root: str | None) -> Verdict:
    """Only a run that is to be rolled back is looked up on disk."""
    if root is None or not any(each.kind == "ROLL_BACK" for each in verdict.advice):
        return verdict
    return with_checkpoints(verdict, list_checkpoints(Path(root)))


def comparisons_in_store(
    store: Path,
    runs: Collection[str],
    model: str | None,
    options: CompareOptions,
    rules: AllRules | None = None,
) -> ComparisonSet:
    """Compare these runs, or all when `runs` is empty, under every model or one of them.

    `model` is a model's label, or the part of it before " (". Raises `RunUnknown` for a run, a
    model or a step that has no scores.
    """
    with open_current(store) as reader:
        scores = _scores_of(reader, runs, model)
        others = _other_scores(reader, scores, (rules or AllRules()).verdict)
        bands = bands_from_reader(reader)
    _check_steps(scores, options.steps)
    rules = rules or AllRules()
    return compare_runs(scores, bands, options, rules.verdict, rules.compare, others)


def prompt_reports_in_store(
    store: Path,
    run: str,
    model: str | None,
    reference: Reference | None,
    rules: AllRules | None = None,
) -> tuple[PromptReport, ...]:
    """The prompts of one run, a report per model that scored it; raises as above."""
    with open_current(store) as reader:
        scores = _scores_of(reader, (run,), model)
        bands = bands_from_reader(reader)
        facts = reader.read("prompt_facts", {"run_ids": scores["run_id"].unique().to_list()})
    rules = rules or AllRules()
    numbers = numbered_prompts(scores)
    reports = []
    for each in run_scores_from_frame(scores, rules.verdict):
        band = bands.get(each.model_id)
        analysed = analyse_run(each, band, rules_on_scale_of(band, rules.verdict))
        own = facts.filter(
            (pl.col("model_id") == each.model_id) & (pl.col("run_id") == each.run_id)
        ).join(numbers, on=["prompt_id", "text_id"])
        known = {row["prompt"]: _row_to_facts(row) for row in own.iter_rows(named=True)}
        report = prompt_report(analysed, known, reference, rules.compare)
        if report is not None:
            reports.append(report)
    return tuple(reports)


def _row_to_facts(row: dict[str, Any]) -> PromptFacts:
    flags: list[PromptFlag] = ["TRUNCATED"] if row["is_truncated"] else []
    flags += ["ASKS_FOR_WORDS"] if row["asks_for_words"] else []
    tags = tuple((str(name), str(value)) for name, value in json.loads(row["tags"]).items())
    return PromptFacts(row["prompt_id"], row["text"], tags, tuple(flags))


def _scores_of(reader: Reader, runs: Collection[str], model: str | None) -> pl.DataFrame:
    """The scores of these runs (all when empty) by this model (any when None); see above."""
    ids = dict(reader.read("run_names").select("name", "run_id").iter_rows())
    unknown = [run for run in runs if run not in ids]
    if unknown:
        raise RunUnknown(f"no run named {unknown[0]!r}", sorted(ids))
    chosen = {"run_ids": [ids[run] for run in runs] if runs else None}
    scores = reader.read("analysis_scores", chosen)
    unscored = set(runs) - set(scores["run"].unique())
    if unscored:
        raise RunUnknown(f"no score of the run {min(unscored)!r}", sorted(set(runs) - unscored))
    if model is None:
        return scores
    labels = sorted(scores["model"].unique().to_list())
    meant = [label for label in labels if model in (label, label.split(" (")[0])]
    if not meant:
        raise RunUnknown(f"no scores of a model {model!r}", labels)
    return scores.filter(pl.col("model").is_in(meant))


def _other_scores(reader: Reader, scores: pl.DataFrame, rules: Rules) -> pl.DataFrame | None:
    """Scores of further runs, where so few are compared that the store's shake is not known from
    them: those with the lowest run_id, which is a hash, as long as they are quickly read."""
    compared = scores["run_id"].unique().to_list()
    if len(compared) >= rules.jitter_pool_runs:
        return None
    sizes = reader.read("analysis_run_sizes").filter(~pl.col("run_id").is_in(compared))
    quick = sizes.sort("run_id").head(rules.jitter_sample_runs)
    quick = quick.filter(pl.col("n_rows").cum_sum() <= OTHER_ROWS)
    if quick.height + len(compared) < rules.jitter_pool_runs:
        return None
    return reader.read("analysis_scores", {"run_ids": quick["run_id"].to_list()})


def _check_steps(scores: pl.DataFrame, steps: Collection[tuple[str, int]]) -> None:
    compared = scores["run"].unique().sort().to_list()
    for run, step in steps:
        if run not in compared:
            raise RunUnknown(f"a step is given of {run!r}, which is not compared", compared)
        there = scores.filter((pl.col("run") == run) & pl.col("panel").is_in(TRAINED_PANELS))
        for model_steps in there.partition_by("model_id"):
            found = model_steps["step"].unique().sort().to_list()
            if step not in found:
                raise RunUnknown(f"run {run} has no validation at step {step}", map(str, found))


def bands_from_reader(reader: Reader) -> dict[int, Band | None]:
    """The band of every model by model_id; None where none is known."""
    return {
        row["model_id"]: _row_to_band(row)
        for row in reader.read("analysis_models").iter_rows(named=True)
    }


def _row_to_band(row: dict[str, float | None]) -> Band | None:
    poor, low, high = (
        row["poor_below_cosine"],
        row["band_low_cosine"],
        row["band_high_cosine"],
    )
    if poor is None or low is None or high is None:
        return None
    return Band(poor, low, high)
