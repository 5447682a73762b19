"""Scores measured elsewhere → spool → store, in the tables that our own scores are in.

Invariant: every row ends as imported, known or refused, and the three add up. Identities are made
of what the row says, so the same file twice adds nothing and a corrected file replaces. There is no
picture: nothing is written to `images`, and who reads pictures finds none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from clipstore.model.imported import band_by_name, imported_model
from clipstore.modelidentity import Band, Model
from clipstore.pipeline.partrows import PartRows
from clipstore.sources.columnfiles import RefusedRow
from clipstore.sources.scorefiles import RunFacts, ScoreFile
from clipstore.storage.spool import TABLE_SCHEMAS, spool_folder, write_part
from clipstore.storage.store import MergeReport, Reader, merge_parts, open_store
from clipstore.types import Prompt, Run, content_id

LAYOUT = "import"
ROWS_PER_PART = 200_000
"""Bounds the memory of writing: a part of this many scores is some 10 MB."""
MERGE_WAIT_SECONDS = 10.0
ROW = ["run_id", "step", "prompt_id", "image_index", "panel", "text_id", "crop_id"]


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    model: Model
    n_rows: int
    n_imported: int
    n_known: int
    """Rows that the store has already, with this very score."""
    refused: tuple[RefusedRow, ...]
    runs: tuple[str, ...]
    """Names of the runs in the store."""
    runs_without_scores: tuple[str, ...]
    """Named in the runs file only; not stored."""
    merge: MergeReport


@dataclass(frozen=True)
class ImportRequest:
    """What to import as what."""

    scores: ScoreFile
    runs: tuple[RunFacts, ...]
    model_name: str
    scale: float
    band: Band | None = None
    """None: the one stored for this model, else `band_by_name`."""


def import_scores(store: Path, request: ImportRequest) -> ImportReport:
    """Put the sound rows into `store`; makes the store if there is none.

    A store that is locked, damaged or too new raises before anything is written; one that is locked
    later leaves the scores in the spool.
    """
    started_at = datetime.now(UTC)
    merge_parts(store, wait_seconds=MERGE_WAIT_SECONDS)
    scores = request.scores
    model = imported_model(request.model_name, request.scale, None)
    with open_store(store) as reader:
        band = request.band or _stored_band(reader, model.model_id)
        known = reader.read("known_scores", {"model_id": model.model_id})
        names = reader.read("run_names")
    if band is None:
        largest = scores.frame["cosine"].max()
        band = band_by_name(request.model_name, float(str(largest or 0)))
    model = imported_model(request.model_name, request.scale, band)
    runs = _runs(request, dict(names.select("run_id", "name").iter_rows()))
    rows = _with_identities(scores.frame, model, runs)
    new = rows.join(known, on=ROW, how="anti")

    ingest_id = content_id(started_at.isoformat(), str(os.getpid()))
    part = PartRows(ingest_id, model, keep_embeddings=False)
    part.add_model()
    described = {facts.run for facts in request.runs}
    stored = set(names["run_id"].to_list())
    for name, prompts in _prompts_by_run(rows, scores.path):
        run = runs[name]
        if run.run_id in stored and name not in described:
            part.add_prompts(run, prompts)  # the settings of an earlier import stand
        else:
            part.add_run(run, prompts)
    part.write(store)
    for start in range(0, new.height, ROWS_PER_PART):
        _write_scores(store, new.slice(start, ROWS_PER_PART), model.model_id, ingest_id)
    state = "n_scored" if new.height else "n_known" if rows.height else "n_refused"
    counts = dict.fromkeys(("n_scored", "n_known", "n_pending", "n_refused", "n_skipped"), 0)
    part.add_ingest(str(scores.path.absolute()), started_at, counts | {"n_seen": 1, state: 1}, {})
    part.write(store)
    return ImportReport(
        model=model,
        n_rows=scores.n_rows,
        n_imported=new.height,
        n_known=rows.height - new.height,
        refused=scores.refused,
        runs=tuple(runs[name].name for name in rows["run"].unique().sort().to_list()),
        runs_without_scores=tuple(sorted(described - set(runs))),
        merge=merge_parts(store, wait_seconds=MERGE_WAIT_SECONDS),
    )


def _stored_band(reader: Reader, model_id: int) -> Band | None:
    found = reader.read("analysis_models").filter(pl.col("model_id") == model_id)
    edges = found.select("poor_below_cosine", "band_low_cosine", "band_high_cosine").rows()
    return Band(*edges[0]) if edges and None not in edges[0] else None


def _runs(request: ImportRequest, names_in_store: Mapping[int, str]) -> dict[str, Run]:
    """The run of every name in the scores. An imported run is its name: a later file adds to it."""
    facts = {each.run: each for each in request.runs}
    owner = {name: run_id for run_id, name in names_in_store.items()}
    runs = {}
    for given in request.scores.frame["run"].unique().sort().to_list():
        told = facts.get(given)
        run = Run(
            name=given,
            root=Path(f"imported:{given}"),
            layout=LAYOUT,
            layout_reason="its scores were measured elsewhere and imported",
            planned_steps=told.planned_steps if told else None,
            config=dict(told.config) if told else {},
        )
        is_free = owner.get(given, run.run_id) == run.run_id
        name = names_in_store.get(run.run_id) or (given if is_free else f"{given} (imported)")
        runs[given] = replace(run, name=name)
    return runs


def _with_identities(frame: pl.DataFrame, model: Model, runs: Mapping[str, Run]) -> pl.DataFrame:
    """Adds run_id, text (what stands for the prompt), text_id and crop_id.

    A prompt whose text was not given is told from others by its id alone. `crop_id` stands for the
    picture that nobody has: the same row with another score is another one, and replaces it.
    """
    text = pl.col("prompt").fill_null(pl.format("(text not imported) {}", "prompt_id"))
    named = frame.with_columns(text=text)
    run_ids = {given: run.run_id for given, run in runs.items()}
    text_ids = {text: content_id(text) for text in named["text"].unique().to_list()}
    key = ("run", "step", "prompt_id", "image_index", "panel", "cosine")
    who = str(model.model_id)
    crops = [content_id(who, *map(str, row)) for row in named.select(key).iter_rows()]
    return named.with_columns(
        pl.col("run").replace_strict(run_ids, return_dtype=pl.Int64).alias("run_id"),
        pl.col("text").replace_strict(text_ids, return_dtype=pl.Int64).alias("text_id"),
        pl.Series("crop_id", crops, pl.Int64),
    )


def _prompts_by_run(rows: pl.DataFrame, path: Path) -> Sequence[tuple[str, tuple[Prompt, ...]]]:
    """(run, the prompts of its newest steps)."""
    newest = rows.sort("step", "place").unique(["run", "prompt_id"], keep="last")
    texts = newest.sort("run", "prompt_id").select("run", "prompt_id", "text")
    found: dict[str, list[Prompt]] = {}
    for run, prompt_id, text in texts.iter_rows():
        found.setdefault(run, []).append(Prompt(prompt_id, text, path.name))
    return [(run, tuple(prompts)) for run, prompts in found.items()]


def _write_scores(store: Path, rows: pl.DataFrame, model_id: int, ingest_id: int) -> None:
    scores = rows.select(
        pl.lit(model_id, pl.Int64).alias("model_id"),
        *ROW,
        "cosine",
        pl.lit(ingest_id, pl.Int64).alias("ingest_id"),
        pl.lit(datetime.now(UTC)).alias("scored_at"),
    )
    texts = rows.select("text_id", "text", is_blank=pl.col("text").str.strip_chars() == "")
    part = {"scores": scores.select(TABLE_SCHEMAS["scores"].names()), "prompts": texts.unique()}
    write_part(spool_folder(store), part)
