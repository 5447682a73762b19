"""What a reading process answers to a task, as bytes.

Invariant: an answer refers to its task's own picture, which is not sent back; pixels are in the
task's slots as far as these reach, and else in the answer. Plain values and `marshal`, because an
answer is taken apart in the process that runs the model, once for every picture: both ends are the
same Python.
"""

from __future__ import annotations

import marshal
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipstore.pipeline.pixelslots import PixelSlots, SlotWriter
from clipstore.pipeline.reading import (
    ReadFrame,
    ReadPanel,
    ReadPicture,
    ReadResult,
    ReadTask,
    ReadTimes,
)
from clipstore.types import Box, Problem

Slot = int


class AnswerWriter:
    """A reading process's side."""

    def __init__(self, writer: SlotWriter) -> None:
        self._writer = writer

    def encode(self, result: ReadResult, slots: Sequence[Slot]) -> bytes:
        """The answer to the task that was lent these slots."""
        times, outcome = result.times, result.outcome
        seconds = (times.read_s, times.decode_s, times.cut_s, times.resize_s)
        if isinstance(outcome, ReadPicture):
            left = list(slots)
            panels = tuple(
                (
                    panel.panel,
                    tuple(map(int, panel.box)),
                    panel.crop_id,
                    tuple(
                        (frame.crop_id, self._place(frame.pixels, left)) for frame in panel.frames
                    ),
                )
                for panel in outcome.panels
            )
            facts: Any = (
                *(outcome.sha256, outcome.size_bytes, outcome.modified_ns),
                *(outcome.crop_method, float(outcome.crop_confidence), outcome.notes),
                panels,
            )
            return marshal.dumps((seconds, facts))
        return marshal.dumps((seconds, None if outcome is None else pickle.dumps(outcome)))

    def _place(self, pixels: NDArray[np.uint8] | None, left: list[Slot]) -> Any:
        if pixels is None:
            return None
        if left and self._writer.write(left[0], pixels):
            return pixels.shape, left.pop(0)
        return pixels.shape, pixels.tobytes()


class AnswerReader:
    """The main process's side."""

    def __init__(self, slots: PixelSlots) -> None:
        self._slots = slots

    def decode(self, answer: bytes, task: ReadTask, slots: Sequence[Slot]) -> ReadResult:
        """An answer to `task`. Of the slots that it was lent those that the reader left empty come
        back at once, the others with the arrays on them."""
        seconds, outcome = marshal.loads(answer)
        times = ReadTimes(*seconds)
        if not isinstance(outcome, tuple):
            self._slots.take_back(slots)
            if outcome is None:
                return ReadResult(None, times)
            problem: Problem = pickle.loads(outcome)
            return ReadResult(problem, times)
        sha256, size_bytes, modified_ns, method, confidence, notes, panels = outcome
        used: set[Slot] = set()
        found = tuple(
            ReadPanel(
                panel,
                Box(*box),
                crop_id,
                tuple(ReadFrame(one, self._pixels(place, used)) for one, place in frames),
            )
            for panel, box, crop_id, frames in panels
        )
        if len(used) < len(slots):
            self._slots.take_back([slot for slot in slots if slot not in used])
        facts = (sha256, size_bytes, modified_ns, method, confidence, notes)
        return ReadResult(ReadPicture(task.picture, *facts, found), times)

    def _pixels(self, place: Any, used: set[Slot]) -> NDArray[np.uint8] | None:
        if place is None:
            return None
        shape, where = place
        if isinstance(where, bytes):
            return np.frombuffer(where, np.uint8).reshape(shape)
        used.add(where)
        return self._slots.array(where, shape)
