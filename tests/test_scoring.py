"""A batch of crops: the model gets full passes, and a file waits until all its panels have been."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np

from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.reading import ReadFrame, ReadPanel, ReadPicture
from clipstore.pipeline.scoring import BatchScorer, Task
from clipstore.pipeline.vectormemory import VectorMemory
from clipstore.types import Box, Picture, Prompt, Run
from tests.mean_colour import MeanColourEmbedder


class CountsCalls(MeanColourEmbedder):
    """Remembers how many pictures each call got."""

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size=batch_size)
        self.calls: list[int] = []

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        self.calls.append(len(pixels))
        return super().embed_images(pixels)


def scorer_of(embedder: MeanColourEmbedder) -> BatchScorer:
    memory, texts = (VectorMemory(np.empty(0, np.int64), lambda _ids: {}) for _ in range(2))
    return BatchScorer(embedder, PartRows(1, embedder.model, True), memory, texts, nullcontext)


TASK = Task(Run("r", Path("/r"), "folder", "a test"), Prompt("p", "red", "a test"))


def frame_of(crop_id: int) -> ReadFrame:
    return ReadFrame(crop_id, np.full((1, 1, 3), 10 + crop_id, dtype=np.uint8))


def file_of(step: int, *crop_ids: int) -> ReadPicture:
    """A file with one panel per crop id, each of a colour of its own."""
    picture = Picture(Path(f"/r/{step}.png"), step, "p", 0, "checkpoint")
    panels = tuple(
        ReadPanel(role, Box(0, 0, 8, 8), crop_id, (frame_of(crop_id),))
        for role, crop_id in zip(("checkpoint", "ema", "base"), crop_ids, strict=False)
    )
    return ReadPicture(picture, "0" * 64, 1, 1, "whole", 1.0, (), panels)


def test_a_file_of_which_a_panel_is_left_over_waits_for_the_next_full_pass() -> None:
    embedder = CountsCalls(batch_size=3)
    scorer = scorer_of(embedder)
    scorer.add(TASK, file_of(1, 1, 2))
    assert not scorer.is_full
    scorer.add(TASK, file_of(2, 3, 4))
    assert scorer.is_full
    assert (scorer.score().n_files, scorer.n_queued, scorer.n_scores) == (1, 1, 2)
    scorer.add(TASK, file_of(3, 5, 6))
    assert (scorer.score().n_files, scorer.n_queued, scorer.n_scores) == (2, 0, 6)
    assert embedder.calls == [3, 3]


def test_a_panel_seen_in_two_files_goes_through_once() -> None:
    embedder = CountsCalls(batch_size=3)
    scorer = scorer_of(embedder)
    for step in (1, 2, 3):
        scorer.add(TASK, file_of(step, step, 9))
    assert [scorer.score().n_files, scorer.score().n_files] == [2, 1]
    assert embedder.calls == [3, 1]
    assert scorer.n_scores == 6
