"""A batch of crops: the model gets full passes, and a file waits until all its panels have been."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from clipstore.model.embedder import Arriving, Pictures
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
    picture = Picture(Path("/r"), f"{step}.png", step, "p", 0, "checkpoint")
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


class OnItsOwn(CountsCalls):
    """Computes by itself, as a GPU does; a call's vectors are there when they were waited for."""

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        self.log: list[str] = []

    def start_images(self, pixels: Pictures) -> Arriving:
        self.log.append(f"start {len(self.calls)}")
        return ThereWhenWaitedFor(self.log, len(self.calls), super().start_images(pixels).wait())


class ThereWhenWaitedFor:
    is_there = False

    def __init__(self, log: list[str], number: int, vectors: np.ndarray) -> None:
        self._log, self._number, self._vectors = log, number, vectors

    def wait(self) -> np.ndarray:
        self._log.append(f"wait {self._number}")
        return self._vectors


def test_a_model_that_computes_by_itself_has_the_next_batch_before_one_is_waited_for() -> None:
    embedder = OnItsOwn(batch_size=2)
    scorer = scorer_of(embedder)
    done = []
    for batch in ([(1, 1), (2, 2)], [(3, 3), (4, 1)], [(5, 4), (6, 3)]):
        for step, crop in batch:
            scorer.add(TASK, file_of(step, crop))
        done.append(scorer.score().n_files)
    assert embedder.log == ["start 0", "start 1", "wait 0", "start 2", "wait 1"]
    assert done == [0, 3, 2], "step 4 shows crop 1, which was computed already; step 6 crop 3"
    assert (scorer.n_queued, embedder.calls) == (1, [2, 1, 1]), "no crop goes through twice"
    assert (scorer.score().n_files, scorer.n_queued, scorer.n_embedded) == (1, 0, 4)
    assert embedder.log[-1] == "wait 2"


class Overflows(MeanColourEmbedder):
    """Gives vectors that are not finite, as short arithmetic does when it overflows."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value = np.float32(value)

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        return np.full_like(super().embed_images(pixels), self._value)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_vector_that_is_not_finite_is_refused_and_not_cut_off_at_one(value: float) -> None:
    scorer = scorer_of(Overflows(value))
    scorer.add(TASK, file_of(1, 1))
    result = scorer.score()
    assert (result.n_files, scorer.n_scores) == (0, 0)
    ((run, problem),) = result.problems
    assert (run, problem.stage) == (TASK.run, "score")
