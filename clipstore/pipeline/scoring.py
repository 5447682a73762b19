"""Cut pictures to cosines, a batch at a time, each batch one part of the spool.

Invariant: a file's scores are all in one part, and the part is on disk before the next batch goes
to the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipstore.model.embedder import Embedder
from clipstore.pictures.panels import CutPicture
from clipstore.pipeline.partrows import PartRows
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


@dataclass(frozen=True)
class ReadPicture:
    """A task whose pixels were read."""

    task: Task
    cut: CutPicture
    prepared: Mapping[int, NDArray[np.uint8]]
    """crop_id to prepared pixels (side, side, 3), for the crops that need the model."""


class BatchScorer:
    """Collects pictures, scores a full batch, writes it as a part."""

    def __init__(
        self,
        store: Path,
        embedder: Embedder,
        rows: PartRows,
        base_vectors: Mapping[int, NDArray[np.float32]],
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._rows = rows
        # The base panel is the same picture at every step: it goes through the model once.
        self._base_vectors = dict(base_vectors)  # crop_id → (dimension,)
        self._text_vectors: dict[int, NDArray[np.float32]] = {}  # text_id → (dimension,)
        self._batch: list[ReadPicture] = []
        self._fresh_crops: set[int] = set()
        self.n_scores = 0
        self.n_embedded = 0

    def needs_model(self, crop_id: int) -> bool:
        """False when the crop's vector is at hand. Safe to ask from another thread."""
        return crop_id not in self._base_vectors

    def add(self, read: ReadPicture) -> list[Problem]:
        """Queue one picture; scores the batch when it is full. Returns what could not be scored."""
        self._batch.append(read)
        self._fresh_crops.update(
            crop_id for crop_id in read.prepared if crop_id not in self._base_vectors
        )
        is_full = (
            len(self._fresh_crops) >= self._embedder.batch_size
            or len(self._batch) >= FILES_PER_CROP * self._embedder.batch_size
        )
        return self.flush() if is_full else []

    def flush(self) -> list[Problem]:
        """Score and write what is queued."""
        if not self._batch:
            return []
        vectors = self._embed_images()
        self._embed_texts()
        problems = [
            problem for read in self._batch if (problem := self._score(read, vectors)) is not None
        ]
        self._batch.clear()
        self._fresh_crops.clear()
        self._rows.write(self._store)
        return problems

    def _embed_images(self) -> dict[int, NDArray[np.float32]]:
        inputs: dict[int, NDArray[np.uint8]] = {}
        for read in self._batch:
            for crop_id, pixels in read.prepared.items():
                if crop_id in self._fresh_crops:
                    inputs[crop_id] = pixels
        fresh: dict[int, NDArray[np.float32]] = {}
        if inputs:
            embedded = self._embedder.embed_images(np.stack(list(inputs.values())))  # (n, dim)
            fresh = dict(zip(inputs, embedded, strict=True))
            self._rows.add_embeddings(fresh)
            self.n_embedded += len(fresh)
        for read in self._batch:
            for panel in read.cut.panels:
                if panel.panel == "base" and panel.crop_id in fresh:
                    self._base_vectors[panel.crop_id] = fresh[panel.crop_id]
        return {**self._base_vectors, **fresh}

    def _embed_texts(self) -> None:
        texts = {
            read.task.prompt.text_id: read.task.prompt.text
            for read in self._batch
            if read.task.prompt.text_id not in self._text_vectors
        }
        if not texts:
            return
        embedded = self._embedder.embed_texts(list(texts.values()))
        for index, text_id in enumerate(texts):
            self._text_vectors[text_id] = embedded.vectors[index]
            self._rows.add_text_vector(text_id, embedded.vectors[index])
            self._rows.add_token_count(
                text_id, int(embedded.token_counts[index]), bool(embedded.is_truncated[index])
            )

    def _score(
        self, read: ReadPicture, vectors: Mapping[int, NDArray[np.float32]]
    ) -> Problem | None:
        text = self._text_vectors[read.task.prompt.text_id]  # (dimension,)
        # Unit vectors in float32 can give a hair more than 1.
        cosines = [
            float(np.clip(np.dot(vectors[panel.crop_id], text), -1.0, 1.0))
            for panel in read.cut.panels
        ]
        if not np.all(np.isfinite(cosines)):
            return Problem(
                read.cut.picture.path,
                "score",
                "nonfinite",
                "the model gave NaN or infinity for this picture; check the model's weights.",
            )
        self._rows.add_scores(read.task.run, read.task.prompt, read.cut, cosines)
        self.n_scores += len(cosines)
        return None
