"""clipstore itself, timed as the peers are: what `clipstore ingest` does, called from here.

    python -m benchmarks.scorer_parts.ours JOB.json ANSWER.json

Invariant: only public entry points are called, and the clock covers all of an ingest: opening the
database, reading, scoring, the spool and the merge.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scorer_parts.peers.job import Clock, Group, Job, read_job, write_answer
from clipstore.model.embed import ClipEmbedder, load_clip
from clipstore.model.embedder import Arriving, Pictures
from clipstore.model.vectors import DtypeChoice
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, ingest_surveyed
from clipstore.pipeline.survey import Survey, survey
from clipstore.storage.store import run_query

COSINES = "SELECT run, path, cosine FROM current_scores WHERE panel IN ('checkpoint', 'only')"

DTYPES: Mapping[str, DtypeChoice] = {
    "default": "auto",
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
}


@dataclass(frozen=True)
class SteadyState:
    """The loop without its beginning and its end: after the first call of the model, until the
    last one returned."""

    pictures: int
    """That went through the model, base panels among them."""
    seconds: float
    model_seconds: float
    """Of these, spent by the main thread on the model's image tower: all of its work on a CPU; on a
    GPU handing over and waiting, 0 where the GPU was always done before it was waited for."""


@dataclass
class Call:
    """One call of the model."""

    pictures: int
    ended: float = 0.0
    """When its vectors were there."""
    seconds: float = 0.0
    """That the main thread spent on it: handing over, and waiting."""


def main() -> None:
    """Load, score, answer."""
    job = read_job()
    found = survey(outline(Path(job.root)))
    embedder = load_clip(
        job.model,
        device=job.device,
        dtype=DTYPES[job.precision],
        offline=True,
        announce=lambda _sentence: None,
    )
    warm_up = Clock()
    side = embedder.preprocessing.side_px
    embedder.embed_images(np.zeros((embedder.batch_size, side, side, 3), np.uint8))
    with watched_calls(embedder) as calls, tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "scores.duckdb"
        loop = Clock()
        report = ingest_surveyed([found], store, embedder, IngestOptions())
        ended = loop.read()
        groups = _read_cosines(job, found, store)
    steady = steady_state(calls)
    more = {
        "dtype": embedder.model.dtype,
        "batch_size": embedder.batch_size,
        "steady": None if steady is None else asdict(steady),
        "timings": asdict(report.timings),
    }
    write_answer(groups, warm_up, loop, ended=ended, more=more)


@contextmanager
def watched_calls(embedder: ClipEmbedder) -> Iterator[list[Call]]:
    """In here every call of the image tower leaves its times."""
    calls: list[Call] = []
    start_images: Callable[[Pictures], Arriving] = embedder.start_images

    def watched(pixels: Pictures) -> Arriving:
        call = Call(len(pixels))
        began = time.perf_counter()
        arriving = start_images(pixels)
        call.seconds += time.perf_counter() - began
        calls.append(call)
        return _Watched(arriving, call)

    embedder.start_images = watched  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        embedder.start_images = start_images  # type: ignore[method-assign]


class _Watched:
    """Satisfies `Arriving`."""

    def __init__(self, arriving: Arriving, call: Call) -> None:
        self._arriving = arriving
        self._call = call

    @property
    def is_there(self) -> bool:
        return self._arriving.is_there

    def wait(self) -> NDArray[np.float32]:
        began = time.perf_counter()
        vectors = self._arriving.wait()
        self._call.ended = time.perf_counter()
        self._call.seconds += self._call.ended - began
        return vectors


def steady_state(calls: Sequence[Call]) -> SteadyState | None:
    """None with fewer than three calls: too short to have one."""
    if len(calls) < 3:
        return None
    inner = calls[1:]
    return SteadyState(
        pictures=sum(call.pictures for call in inner),
        seconds=inner[-1].ended - calls[0].ended,
        model_seconds=sum(call.seconds for call in inner),
    )


def _read_cosines(job: Job, found: Survey, store: Path) -> list[Group]:
    folders = {contents.run.name: contents.run.root for contents in found.outline.runs()}
    frame = run_query(store, COSINES)
    cosines = {
        (folders[run] / path).resolve(): cosine
        for run, path, cosine in frame.select("run", "path", "cosine").iter_rows()
    }
    return [
        Group([number], cosines[Path(entry.path)])
        for number, entry in enumerate(job.entries)
        if Path(entry.path) in cosines
    ]


if __name__ == "__main__":
    main()
