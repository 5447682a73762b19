"""Read pictures to cosines, a batch at a time, each batch one part of the spool.

Invariant: a file's scores are all in one part, and a panel's content goes through the model once,
in whatever files it is seen; so does a text, in whatever ingest.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from clipstore.model.embedder import Arriving, Embedder
from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.reading import ReadFrame, ReadPicture
from clipstore.pipeline.vectormemory import Vector, VectorMemory
from clipstore.types import Problem, Prompt, Run

FILES_PER_CROP = 4
"""A batch closes after this many files per crop it has room for, so that files whose crops are all
known are written too."""


@dataclass(frozen=True)
class Task:
    """A file to score, and against what."""

    run: Run
    prompt: Prompt
    """The text of the picture's prompt id, as it is today."""
    vectors: Mapping[int, Vector] = field(default_factory=dict)
    """Vectors that were at hand when the file was handed to a reader, by crop_id: the reader left
    their pixels out."""


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch."""

    n_files: int
    """Files scored."""
    problems: tuple[tuple[Run, Problem], ...]
    """Files that the model could not score."""


@dataclass(frozen=True)
class _Call:
    """Crops that were handed to the model."""

    crop_ids: tuple[int, ...]
    vectors: Arriving


class BatchScorer:
    """Collects pictures and scores a full batch into rows."""

    def __init__(
        self,
        embedder: Embedder,
        rows: PartRows,
        memory: VectorMemory,
        texts: VectorMemory,
        in_model: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`memory` is of panels, `texts` of prompts; `in_model` is entered around every call of the
        model."""
        self._in_model = in_model
        self._embedder = embedder
        self._rows = rows
        self._memory = memory
        self._texts = texts
        self._batch: list[tuple[Task, ReadPicture]] = []
        self._vectors: dict[int, Vector] = {}
        """Of the crops in the batch, by crop_id."""
        self._fresh: dict[int, NDArray[np.uint8]] = {}
        """Pixels of the crops in the batch that may have to go through the model, by crop_id."""
        self._running: deque[_Call] = deque()
        """Calls of the model whose vectors were not fetched yet, in order."""
        self.n_scores = 0
        self.n_embedded = 0

    @property
    def n_queued(self) -> int:
        """Files in the batch that is being filled."""
        return len(self._batch)

    @property
    def is_full(self) -> bool:
        return (
            len(self._fresh) >= self._embedder.batch_size
            or len(self._batch) >= FILES_PER_CROP * self._embedder.batch_size
        )

    def add(self, task: Task, read: ReadPicture) -> None:
        """Queue one picture."""
        self._batch.append((task, read))
        for frame in _frames(read):
            vector = task.vectors.get(frame.crop_id)
            if vector is None:
                vector = self._memory.recent(frame.crop_id)
            if vector is not None:
                self._vectors[frame.crop_id] = vector
            elif frame.pixels is not None:
                self._fresh[frame.crop_id] = frame.pixels

    def _embed_texts(self, ahead: Iterable[Prompt]) -> Mapping[int, Vector]:
        """The vectors of the batch's prompts, by text_id. When the model is needed for one, those
        `ahead` go with it."""
        needed = {task.prompt.text_id: task.prompt.text for task, _ in self._batch}
        found = self._texts.find(needed)
        if len(found) == len(needed):
            return found
        soon = {prompt.text_id: prompt.text for prompt in ahead}
        found |= self._texts.find(soon.keys() - needed.keys())
        new = {text_id: text for text_id, text in (needed | soon).items() if text_id not in found}
        with self._in_model():
            embedded = self._embedder.embed_texts(list(new.values()))
        vectors = dict(zip(new, embedded.vectors, strict=True))
        self._texts.remember(vectors)
        self._rows.add_text_vectors(list(new), embedded.vectors)
        for index, text_id in enumerate(new):
            self._rows.add_token_count(
                text_id, int(embedded.token_counts[index]), bool(embedded.is_truncated[index])
            )
        return found | vectors

    def score(self, ahead: Sequence[Prompt] = ()) -> BatchResult:
        """Hand at most one batch of crops to the model; files of which a crop is left over stay
        queued, because a pass for a few crops costs as much as a full one.

        A model that computes by itself is never left without work: while it has this batch, the
        vectors of the one before are waited for, and the files they complete are scored. `ahead`
        are prompts that will be needed soon: texts go through in batches too. Interrupted by an
        exception it adds no row of a score, and everything stays queued.
        """
        texts = self._embed_texts(ahead)
        self._embed_images()
        is_done = [
            all(frame.crop_id in self._vectors for frame in _frames(read))
            for _, read in self._batch
        ]
        done = [pair for pair, is_it in zip(self._batch, is_done, strict=True) if is_it]
        self._batch = [pair for pair, is_it in zip(self._batch, is_done, strict=True) if not is_it]
        problems = tuple(
            (task.run, problem)
            for task, read in done
            if (problem := self._score(task, read, texts[task.prompt.text_id])) is not None
        )
        left = {frame.crop_id for _, read in self._batch for frame in _frames(read)}
        self._vectors = {crop_id: v for crop_id, v in self._vectors.items() if crop_id in left}
        return BatchResult(len(done) - len(problems), problems)

    def _embed_images(self) -> None:
        self._vectors |= self._memory.find(self._fresh.keys())
        sent = {crop_id for call in self._running for crop_id in call.crop_ids}
        fresh = {
            crop_id: pixels
            for crop_id, pixels in self._fresh.items()
            if crop_id not in self._vectors and crop_id not in sent
        }
        now = dict(islice(fresh.items(), self._embedder.batch_size))
        with self._in_model():
            if now:
                vectors = self._embedder.start_images(list(now.values()))
                self._running.append(_Call(tuple(now), vectors))
            self._fresh = {c: pixels for c, pixels in fresh.items() if c not in now}
            n_kept = 1 if now else 0
            while len(self._running) > n_kept or (
                self._running and self._running[0].vectors.is_there
            ):
                self._fetch(self._running[0])
                self._running.popleft()

    def _fetch(self, call: _Call) -> None:
        vectors = call.vectors.wait()
        new = dict(zip(call.crop_ids, vectors, strict=True))
        self._memory.remember(new)
        self._rows.add_embeddings(call.crop_ids, vectors)
        self._vectors |= new
        self.n_embedded += len(new)

    def _score(self, task: Task, read: ReadPicture, text: Vector) -> Problem | None:
        """`text` (dimension,)."""
        cosines = [
            fmean(self._cosine(frame.crop_id, text) for frame in panel.frames)
            for panel in read.panels
        ]
        if not all(map(math.isfinite, cosines)):
            return Problem(
                read.picture.path,
                "score",
                "nonfinite",
                "the model gave NaN or infinity for this picture; check the model's weights.",
            )
        self._rows.add_scores(task.run, task.prompt, read, cosines)
        self.n_scores += len(cosines)
        return None

    def _cosine(self, crop_id: int, text: Vector) -> float:
        # Unit vectors in float32 can give a hair more than 1.
        cosine = float(np.dot(self._vectors[crop_id], text))
        return min(1.0, max(-1.0, cosine)) if math.isfinite(cosine) else math.nan


def _frames(read: ReadPicture) -> Iterator[ReadFrame]:
    return (frame for panel in read.panels for frame in panel.frames)
