"""Shared memory for pixels: what is written there arrives, every slot comes back, and where there
is no such memory nothing else changes."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from clipstore.pipeline.answers import AnswerReader, AnswerWriter
from clipstore.pipeline.pixelslots import PixelSlots, SlotWriter
from clipstore.pipeline.reading import (
    ReadFrame,
    ReadPanel,
    ReadPicture,
    ReadResult,
    ReadTask,
    ReadTimes,
)
from clipstore.pipeline.readpool import QUICK_TASKS_PER_PROCESS, SLOTS_PER_COMPOSITE, ReadPool
from clipstore.types import Box, Picture, Problem
from tests.mean_colour import MeanColourPixels
from tests.test_readpool import Misbehaving, read_all, setup, steps, write_pictures

IN_WORK = SLOTS_PER_COMPOSITE * QUICK_TASKS_PER_PROCESS
"""Slots that one process may have been lent."""
TASK = ReadTask(Picture(Path("/r"), "1.png", 1, "p", 0, "only"))


def result_of(*levels: int) -> ReadResult:
    """A picture of one panel with a frame per level."""
    frames = tuple(ReadFrame(n, np.full((2, 2, 3), n, np.uint8)) for n in levels)
    panel = ReadPanel("only", Box(0, 0, 2, 2), 7, frames)
    return ReadResult(ReadPicture(TASK.picture, "0" * 64, 1, 1, "whole", 1.0, (), (panel,)))


def levels_of(result: ReadResult) -> list[int]:
    assert isinstance(result.outcome, ReadPicture)
    pixels = [frame.pixels for panel in result.outcome.panels for frame in panel.frames]
    assert all(one is not None and one.shape == (2, 2, 3) for one in pixels)
    return [int(level) for one in pixels if one is not None for level in np.unique(one)]


def test_pixels_arrive_by_slots_and_beyond_these_in_the_answer() -> None:
    slots = PixelSlots(slot_bytes=12, n_slots=2)
    writer, reader = AnswerWriter(SlotWriter(slots.descriptor, 12)), AnswerReader(slots)
    for lent in (2, 1, 0):
        numbers = slots.lend(lent)
        result = reader.decode(writer.encode(result_of(3, 200), numbers), TASK, numbers)
        assert levels_of(result) == [3, 200]
        assert slots.n_free == 2 - lent, "a slot is lent as long as somebody looks at it"
        assert isinstance(result.outcome, ReadPicture)
        assert result.outcome.picture is TASK.picture, "it stays here, and is not sent back"
        part = result.outcome.panels[0].frames[0].pixels[None, :1]
        del result
        assert slots.n_free == (1 if lent else 2), "also through a part of it"
        assert part.max() == 3
        del part
        assert slots.n_free == 2


def test_slots_that_a_reader_left_empty_come_back_at_once() -> None:
    slots = PixelSlots(12, 3)
    numbers = slots.lend(3)
    answer = AnswerWriter(SlotWriter(slots.descriptor, 12)).encode(result_of(5), numbers)
    result = AnswerReader(slots).decode(answer, TASK, numbers)
    assert (slots.n_free, levels_of(result)) == (2, [5])
    big = AnswerWriter(SlotWriter(slots.descriptor, 11)).encode(result_of(9), slots.lend(2))
    nowhere = AnswerReader(PixelSlots(11, 0))
    assert levels_of(nowhere.decode(big, TASK, ())) == [9], "it fits into no slot"


@pytest.mark.parametrize(
    "outcome",
    [None, Problem(Path("/r/1.png"), "decode", "truncated", "it ends early.", pending=True)],
)
def test_an_answer_without_a_picture_gives_all_slots_back(outcome: Problem | None) -> None:
    slots = PixelSlots(12, 3)
    numbers, sent = slots.lend(3), ReadResult(outcome, ReadTimes(0.25, 0.5, 1.0, 2.0))
    answer = AnswerWriter(SlotWriter(slots.descriptor, 12)).encode(sent, numbers)
    assert AnswerReader(slots).decode(answer, TASK, numbers) == sent
    assert slots.n_free == 3


def test_a_picture_arrives_as_it_was_but_for_its_pixels_place() -> None:
    """Frames without pixels, numbers of numpy's, and every fact of the file."""
    frames = (ReadFrame(2**62, None), ReadFrame(5, None))
    box = Box(*np.array([1, 2, 3, 4]))
    panels = (ReadPanel("checkpoint", box, 7, frames), ReadPanel("base", Box(0, 0, 1, 1), 8, ()))
    notes = ("label_overlay", "\udcff")
    read = ReadPicture(
        TASK.picture, "ab" * 32, 9, 2**61, "separator", np.float64(0.5), notes, panels
    )
    sent = ReadResult(read, ReadTimes(0.25))
    slots = PixelSlots(12, 1)
    answer = AnswerWriter(SlotWriter(slots.descriptor, 12)).encode(sent, ())
    assert AnswerReader(slots).decode(answer, TASK, ()) == sent


def test_a_reader_that_dies_keeps_no_slot(tmp_path: Path) -> None:
    tasks = write_pictures(tmp_path, ["blue", "red", "green", "red", "blue"])
    pool = ReadPool(1, setup(Misbehaving("abort")), n_held=4)
    with pool:
        n_slots = pool._slots.n_free
    assert n_slots == 4 + IN_WORK
    pool = ReadPool(1, setup(Misbehaving("abort")), n_held=4)
    outcomes = read_all(pool, tasks)
    assert pool._slots.n_free == n_slots - 3, "three pictures are still looked at"
    del outcomes
    assert pool._slots.n_free == n_slots


class DeadlyPixels(np.ndarray):
    """Ends its process as soon as somebody asks whether it fits."""

    @property
    def nbytes(self) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


@dataclass(frozen=True)
class RedIsDeadly:
    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        is_red = rgb[0, 0].tolist() == [255, 0, 0]
        return MeanColourPixels().prepare(rgb).view(DeadlyPixels if is_red else np.ndarray)


def test_a_reader_killed_while_it_hands_pixels_over_costs_its_picture_alone(tmp_path: Path) -> None:
    tasks = write_pictures(tmp_path, [(9, 9, 9), "red", (7, 7, 7), "red", (5, 5, 5), (3, 3, 3)])
    pool = ReadPool(1, setup(RedIsDeadly()), n_held=9)
    outcomes = read_all(pool, tasks)
    assert steps(outcomes) == [0, "decoder_crash", 2, "decoder_crash", 4, 5]
    assert "SIGKILL" in outcomes[1].detail
    assert colours(outcomes) == [9, 7, 5, 3]
    del outcomes
    assert pool._slots.n_free == 9 + IN_WORK


@dataclass(frozen=True)
class BrightIsLarge:
    """Bright pictures to more pixels than the others, and than a slot was made for."""

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        return np.repeat(MeanColourPixels().prepare(rgb), 5 if rgb.max() > 99 else 1, axis=0)


def test_pixels_larger_than_a_slot_come_in_their_place_among_the_others(tmp_path: Path) -> None:
    levels = [1, 200, 2, 3, 201, 202, 4, 5]
    tasks = write_pictures(tmp_path, [(level,) * 3 for level in levels])
    outcomes = read_all(ReadPool(2, setup(BrightIsLarge()), n_held=8), tasks)
    assert colours(outcomes) == levels
    shapes = [one.panels[0].frames[0].pixels.shape for one in outcomes]
    assert shapes == [(5 if level > 99 else 1, 1, 3) for level in levels]


def colours(outcomes: list[object]) -> list[int]:
    """The one level of each picture's pixels."""
    pictures = [one for one in outcomes if isinstance(one, ReadPicture)]
    return [int(np.unique(one.panels[0].frames[0].pixels).item()) for one in pictures]


def open_files(pid: int) -> list[str]:
    links = [link for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return [str(link.readlink()) for link in links if link.is_symlink()]


def refuse(number: int) -> Callable[..., int]:
    def refused(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    return refused


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("memfd_create", None),  # macOS
        ("memfd_create", refuse(errno.EPERM)),  # a container that forbids it
        ("ftruncate", refuse(errno.EFBIG)),  # ulimit -f
    ],
)
def test_without_shared_memory_pixels_come_in_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, instead: object
) -> None:
    if instead is None:
        monkeypatch.delattr(os, name)
    else:
        monkeypatch.setattr(os, name, instead)
    n_descriptors = len(open_files(os.getpid()))
    tasks = write_pictures(tmp_path, [(level,) * 3 for level in range(6)])
    pool = ReadPool(2, setup(), n_held=8)
    assert colours(read_all(pool, tasks)) == list(range(6))
    assert pool._slots.n_free == 0
    assert len(open_files(os.getpid())) == n_descriptors


@pytest.mark.parametrize("n_bytes", [12, 18])
def test_a_page_that_is_not_there_is_no_crash_but_an_answer_with_the_pixels(n_bytes: int) -> None:
    slots = PixelSlots(slot_bytes=12, n_slots=2)
    writer = AnswerWriter(SlotWriter(slots.descriptor, slots.slot_bytes))
    numbers = slots.lend(2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Of the two slots the first can be written, and nothing or a part of the second.
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        answer = writer.encode(result_of(3, 200), numbers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    result = AnswerReader(slots).decode(answer, TASK, numbers)
    assert levels_of(result) == [3, 200]
    assert slots.n_free == 2 - 1


INTERRUPTED = """
    import sys, time
    from pathlib import Path
    from clipstore.pipeline.readpool import ReadPool
    from clipstore.pipeline.reading import ReadTask
    from clipstore.types import Picture
    from tests.test_readpool import setup

    path = Path(sys.argv[1])
    with ReadPool(2, setup(), n_held=50) as pool:
        n_held, held = 0, []
        while True:
            pool.submit(ReadTask(Picture(path.parent, path.name, n_held, "p", 0, "only")))
            held.append(pool.take(10))
            n_held += 1
            if n_held == 40:
                print(*(one.process.pid for one in pool._processes), flush=True)
"""


def test_ctrl_c_leaves_no_memory_no_reader_and_no_warning(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["green"])
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), str(tmp_path / "0.png")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    readers = parent.stdout.readline().split()
    assert len(readers) == 2
    files = open_files(parent.pid)
    assert any("memfd:clipstore-pixels" in name for name in files)
    assert not any(name.startswith("/dev/shm") for name in files), "a name could be left behind"
    parent.send_signal(signal.SIGINT)
    _, said = parent.communicate(timeout=30)
    assert said.splitlines()[-1] == "KeyboardInterrupt"
    assert "Warning" not in said
    assert "resource_tracker" not in said
    assert not any(Path(f"/proc/{pid}").exists() for pid in readers)
