"""Verdicts of a store of any size: runs are read and judged a few at a time, on all cores.

Invariant: memory is bounded by a chunk of runs for each process and by the verdicts themselves,
and the verdicts are the same as if all runs had been judged at once. A run that could be called
stuck if others showed its prompts to reach the band is judged again once all have been seen.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from clipstore.analysis.analysed import analyse_run
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import (
    RunCells,
    RunNames,
    RunRows,
    RunScores,
    cells_from_rows,
    run_scores_from_cells,
)
from clipstore.analysis.siblings import (
    ModelRules,
    is_reachable,
    prompts_that_reached,
    rules_of_models,
    with_proofs,
    with_store_jitter,
)
from clipstore.analysis.verdict import in_order, judge_together, verdict_of_run, waits_for_proof
from clipstore.errors import ClipstoreError
from clipstore.findings import Verdict
from clipstore.modelidentity import Band
from clipstore.storage.store import Reader, open_store

CHUNK_ROWS = 500_000
"""Scores read at once. A store that is smaller is judged in one go, without
other processes, whose start takes a second."""


@dataclass(frozen=True)
class StoreFacts:
    """What is known of models and runs besides their scores."""

    models: Mapping[int, str]
    """Names by model_id."""
    bands: Mapping[int, Band | None]
    runs: Mapping[int, str]
    """Names by run_id."""
    planned_steps: Mapping[int, int | None]


@dataclass(frozen=True)
class _Chunk:
    """Runs that are read together."""

    run_ids: tuple[int, ...]
    first_row: int
    last_row: int


@dataclass(frozen=True)
class _Task:
    """A chunk with all that judging it takes; travels to another process."""

    store: Path
    chunk: _Chunk
    facts: StoreFacts
    """Only of the chunk's runs."""
    rules: Rules
    models: Mapping[int, ModelRules]


class _Judged(NamedTuple):
    """What one run gives back."""

    model_id: int
    run_id: int
    verdict: Verdict
    proof: frozenset[int] | None
    """Prompts with which it reached the band, if that is news."""
    waits_for: frozenset[int] | None
    """Its prompts, if a run that reached the band with them would matter."""


def verdicts_in_chunks(
    reader: Reader,
    facts: StoreFacts,
    rules: Rules,
    compare: CompareRules | None = None,
    n_processes: int | None = None,
) -> tuple[Verdict, ...]:
    """A verdict for every run and model of the store, most actionable first.

    `n_processes`: how many work at once on a large store; None for one a core.
    """
    sizes = reader.read("analysis_run_sizes")
    chunks = _chunks(sizes)
    if len(chunks) <= 1:
        found = [each for chunk in chunks for each in _run_scores(reader, chunk, facts, rules)]
        return judge_together(found, facts.planned_steps, facts.bands, rules, compare)
    models = _models_by_sample(reader, sizes, facts, rules, compare)
    workers = min(n_processes or os.cpu_count() or 1, len(chunks))
    with ProcessPoolExecutor(workers, get_context("spawn"), _leave_interrupts_alone) as pool:
        judged = _judge_all(pool, reader, [_task(reader, c, facts, rules, models) for c in chunks])
        proofs = {(each.model_id, each.proof) for each in judged.values() if each.proof}
        models = with_proofs(models, ((model_id, proof) for model_id, proof in proofs if proof))
        late = {
            each.run_id
            for each in judged.values()
            if each.waits_for and is_reachable(each.waits_for, models[each.model_id])
        }
        again = _chunks(sizes.filter(pl.col("run_id").is_in(list(late))))
        judged |= _judge_all(pool, reader, [_task(reader, c, facts, rules, models) for c in again])
    return in_order(each.verdict for each in judged.values())


def run_scores_in_chunks(
    reader: Reader, facts: StoreFacts, rules: Rules, run_ids: Collection[int]
) -> list[RunScores]:
    """The matrices of these runs, by model_id and run_id; read a few runs at a time, because the
    rows behind them take many times their memory."""
    sizes = reader.read("analysis_run_sizes").filter(pl.col("run_id").is_in(list(run_ids)))
    found = [each for chunk in _chunks(sizes) for each in _run_scores(reader, chunk, facts, rules)]
    return sorted(found, key=lambda each: (each.model_id, each.run_id))


def _models_by_sample(
    reader: Reader,
    sizes: pl.DataFrame,
    facts: StoreFacts,
    rules: Rules,
    compare: CompareRules | None,
) -> dict[int, ModelRules]:
    """How the models' runs are judged, with what a sample of the runs shows."""
    sample = sizes.sort("run_id").head(rules.jitter_sample_runs)
    chunks = _chunks(sample.sort("first_row"))
    found = [each for chunk in chunks for each in _run_scores(reader, chunk, facts, rules)]
    models = rules_of_models(facts.bands, facts.models, rules, compare)
    models = with_store_jitter(models, found)
    reached = (
        (
            each.model_id,
            prompts_that_reached(
                analyse_run(each, models[each.model_id].band, models[each.model_id].rules)
            ),
        )
        for each in found
    )
    return with_proofs(models, ((model_id, proof) for model_id, proof in reached if proof))


def _chunks(sizes: pl.DataFrame) -> list[_Chunk]:
    """Runs that are neighbours in the table together; `sizes` as analysis_run_sizes gives it."""
    chunks: list[_Chunk] = []
    runs: list[tuple[int, int, int]] = []
    n_rows = 0
    for run_id, n_of_run, first, last in sizes.iter_rows():
        if runs and n_rows + n_of_run > CHUNK_ROWS:
            chunks.append(_chunk(runs))
            runs, n_rows = [], 0
        runs.append((run_id, first, last))
        n_rows += n_of_run
    return [*chunks, _chunk(runs)] if runs else chunks


def _chunk(runs: Sequence[tuple[int, int, int]]) -> _Chunk:
    ids, first, last = zip(*runs, strict=True)
    return _Chunk(tuple(ids), min(first), max(last))


def _task(
    reader: Reader,
    chunk: _Chunk,
    facts: StoreFacts,
    rules: Rules,
    models: Mapping[int, ModelRules],
) -> _Task:
    runs = {run_id: facts.runs[run_id] for run_id in chunk.run_ids if run_id in facts.runs}
    planned = {run_id: facts.planned_steps.get(run_id) for run_id in chunk.run_ids}
    own = StoreFacts(facts.models, facts.bands, runs, planned)
    return _Task(reader.path, chunk, own, rules, models)


def _judge_all(
    pool: ProcessPoolExecutor, reader: Reader, tasks: Sequence[_Task]
) -> dict[tuple[int, int], _Judged]:
    """By (model_id, run_id). What another process could not do is done in this one, where its
    failure, if it is one, can be told."""
    judged: dict[tuple[int, int], _Judged] = {}
    try:
        for task, found in zip(tasks, pool.map(_judge_elsewhere, tasks), strict=True):
            for each in _judge(reader, task) if found is None else found:
                judged[each.model_id, each.run_id] = each
    except BrokenProcessPool as broken:
        raise ClipstoreError(
            "a process that judged runs was ended from outside, perhaps for want of memory. Run "
            "the command again; what the store holds is safe."
        ) from broken
    return judged


def _judge_elsewhere(task: _Task) -> tuple[_Judged, ...] | None:
    try:
        with open_store(task.store) as reader:
            return _judge(reader, task)
    except ClipstoreError:
        return None


def _leave_interrupts_alone() -> None:
    """The process that the user sees ends the others; their own tracebacks would be noise."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _judge(reader: Reader, task: _Task) -> tuple[_Judged, ...]:
    judged = []
    known: set[tuple[int, frozenset[int]]] = set()
    for scores in _run_scores(reader, task.chunk, task.facts, task.rules):
        model = task.models[scores.model_id]
        planned = task.facts.planned_steps.get(scores.run_id)
        run = analyse_run(scores, model.band, model.rules)
        proof = prompts_that_reached(run)
        is_news = proof is not None and proof not in model.proofs
        if proof is not None and is_news:
            is_news = (scores.model_id, proof) not in known
            known.add((scores.model_id, proof))
        judged.append(
            _Judged(
                scores.model_id,
                scores.run_id,
                verdict_of_run(run, planned, model),
                proof if is_news else None,
                run.prompts if waits_for_proof(run, planned, model) else None,
            )
        )
    return tuple(judged)


def _run_scores(
    reader: Reader, chunk: _Chunk, facts: StoreFacts, rules: Rules
) -> Iterator[RunScores]:
    """One `RunScores` a run and model of the chunk that has a score on the curve or of the base."""
    frame = reader.read(
        "analysis_rows",
        {
            "run_ids": list(chunk.run_ids),
            "first_row": chunk.first_row,
            "last_row": chunk.last_row,
        },
    )
    for (model_id, number), rows in _rows_by_run(frame):
        run_id = chunk.run_ids[number]
        names = RunNames(
            model_id, facts.models.get(model_id, ""), run_id, facts.runs.get(run_id, "")
        )
        cells = cells_from_rows(rows)
        if cells.n_rows.max(initial=0) > 1:
            cells = _newest_cells(reader, model_id, run_id)
        yield run_scores_from_cells(names, cells, rules)


def _newest_cells(reader: Reader, model_id: int, run_id: int) -> RunCells:
    """A run some of whose pictures were scored again."""
    frame = reader.read("analysis_rows_latest", {"run_ids": [run_id]})
    return cells_from_rows(dict(_rows_by_run(frame))[model_id, 0])


def _rows_by_run(frame: pl.DataFrame) -> Iterator[tuple[tuple[int, int], RunRows]]:
    """The rows of each (model_id, number of the run), wherever in the frame they stand."""
    if frame.is_empty():
        return
    model_ids = np.unique(frame["model_id"].to_numpy())
    run = frame["run_number"].to_numpy()
    n_runs = int(run.max()) + 1
    group = np.searchsorted(model_ids, frame["model_id"].to_numpy()) * n_runs + run
    columns = [frame[name].to_numpy() for name in ("step", "image_index", "is_base", "cosine")]
    columns.append(frame["prompt"].to_numpy().view(np.int64))
    if (group[1:] < group[:-1]).any():
        small = group.astype(np.uint16) if group.max() < 2**16 else group  # sorts ten times faster
        order = np.argsort(small, kind="stable")
        group, columns = group[order], [column[order] for column in columns]
    starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    for start, stop in zip(starts, [*starts[1:], len(group)], strict=True):
        step, image, is_base, cosine, prompt = (column[start:stop] for column in columns)
        key = int(model_ids[group[start] // n_runs]), int(group[start] % n_runs)
        yield key, RunRows(step, prompt, image, is_base, cosine.astype(np.float64))
