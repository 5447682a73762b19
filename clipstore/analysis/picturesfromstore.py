"""Store → what the pictures' vectors say, laid beside verdicts that are already made.

Invariant: some runs' vectors are in memory at a time, however large the store. Vectors are a
hundred times the scores, so a store where reading them would be felt is only read when asked to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from clipstore.analysis.picturecells import VectorTable, run_pictures_from_frame
from clipstore.analysis.picturenotes import picture_findings
from clipstore.analysis.picturerules import PictureRules
from clipstore.findings import Verdict
from clipstore.picturefindings import PictureFindings
from clipstore.storage.store import Reader

PICTURES_UNASKED = 100_000
"""So many pictures are looked at without being asked to. With vectors of 768 numbers they take 3 s
of CPU at 100 prompts a run, 8 s at 1,000 (benchmarks/picture_findings.py, one core of an EPYC)."""
PICTURES_AT_ONCE = 20_000
"""Trained pictures whose vectors are in memory together, unless one run has more: 60 MB at 768
numbers each, and about three times that while they are read."""


class WithPictures(NamedTuple):
    """Verdicts and, where their pictures were left alone, why."""

    verdicts: tuple[Verdict, ...]
    left_alone: str | None


def with_pictures(
    reader: Reader,
    verdicts: Sequence[Verdict],
    *,
    asked: bool | None,
    rules: PictureRules | None = None,
) -> WithPictures:
    """The same verdicts with `pictures` filled in.

    `asked`: True reads whatever there is, False nothing, None what takes seconds.
    """
    n_pictures = sum(_n_pictures(verdict) for verdict in verdicts)
    if asked is None and n_pictures > PICTURES_UNASKED:
        return WithPictures(
            tuple(verdicts),
            f"{n_pictures:,} pictures were not compared with each other, because reading their "
            "vectors takes long; `clipstore verdict --pictures` does it.",
        )
    if asked is False:
        return WithPictures(tuple(verdicts), None)
    found: dict[int, PictureFindings] = {}
    models, runs = reader.read("analysis_models"), reader.read("analysis_runs")
    model_ids = dict(models.select("model", "model_id").iter_rows())
    imported = set(models.filter(pl.col("is_imported"))["model"])
    run_ids = dict(runs.select("run", "run_id").iter_rows())
    n_named = Counter(runs["run"].to_list())
    by_model: dict[int, list[int]] = defaultdict(list)
    for at, verdict in enumerate(verdicts):
        model_id = model_ids.get(verdict.model)
        if verdict.model in imported:
            found[at] = _not_looked_at("the scores were imported, without pictures")
        elif model_id is None or n_named[verdict.run] != 1:
            found[at] = _not_looked_at(f"{n_named[verdict.run]} runs are named {verdict.run}")
        else:
            by_model[model_id].append(at)
    for model_id, places in by_model.items():
        texts = vector_table(reader.read("text_vectors", {"model_id": model_id}))
        for some in _chunks(places, [_n_pictures(verdict) for verdict in verdicts]):
            wanted = {"model_id": model_id, "run_ids": [run_ids[verdicts[at].run] for at in some]}
            cells = reader.read("picture_cells", wanted).partition_by("run_id", as_dict=True)
            vectors = vector_table(reader.read("picture_vectors", wanted))
            for at in some:
                rows = cells.get((run_ids[verdicts[at].run],))
                if rows is None:
                    found[at] = _not_looked_at("the run has no picture that counts")
                else:
                    run = run_pictures_from_frame(rows, vectors, texts)
                    found[at] = picture_findings(run, verdicts[at].plateau, rules)
    return WithPictures(
        tuple(replace(verdict, pictures=found[at]) for at, verdict in enumerate(verdicts)), None
    )


def vector_table(frame: pl.DataFrame) -> VectorTable:
    """A frame of ids and vectors, in that order; m rows, which may be 0."""
    frame = frame.sort(frame.columns[0])
    if frame.is_empty():
        return VectorTable(np.zeros(0, np.int64), np.zeros((0, 0), np.float32))
    numbers = frame["vector"].explode().to_numpy()
    return VectorTable(frame.to_series(0).to_numpy(), numbers.reshape(frame.height, -1))


def _n_pictures(verdict: Verdict) -> int:
    return sum(step.n_images for step in verdict.steps)


def _chunks(places: Sequence[int], sizes: Sequence[int]) -> Iterator[list[int]]:
    """Places in groups of at most `PICTURES_AT_ONCE` pictures, or of one run that has more."""
    group: list[int] = []
    for at in places:
        if group and sum(sizes[other] for other in group) + sizes[at] > PICTURES_AT_ONCE:
            yield group
            group = []
        group.append(at)
    if group:
        yield group


def _not_looked_at(why: str) -> PictureFindings:
    return PictureFindings(
        (), (), None, None, None, None, (), None, (f"The pictures were not compared: {why}.",)
    )
