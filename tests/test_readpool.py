"""Reading processes: results in order, and a picture that kills its reader costs itself alone.

The pixel paths here misbehave on one colour, in real child processes, as a decoder might.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.errors import ReadersFailed
from clipstore.pipeline import readpool, readprocess
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, IngestReport, ingest_surveyed
from clipstore.pipeline.readers import open_reader
from clipstore.pipeline.reading import ReadPicture, ReadTask
from clipstore.pipeline.readpool import ReadPool
from clipstore.pipeline.readworker import ReaderSetup, take_framed
from clipstore.pipeline.survey import survey
from clipstore.storage.store import open_current
from clipstore.types import Picture, Problem
from tests.mean_colour import MeanColourEmbedder, MeanColourPixels
from tests.run_trees import write_simpletuner_run


@dataclass(frozen=True)
class Misbehaving:
    """A pixel path that does what it is told to on red pictures, and else gives their colour."""

    how: str = "behave"

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        if rgb[0, 0].tolist() == [255, 0, 0]:
            match self.how:
                case "abort":
                    os.abort()
                case "hang":
                    time.sleep(60)
                case "eat memory":
                    np.ones(2**33, dtype=np.uint8)
        return MeanColourPixels().prepare(rgb)


def setup(pixel_path: object = MeanColourPixels(), seconds: float = 20.0) -> ReaderSetup:
    return ReaderSetup(pixel_path, 2**24, seconds_per_picture=seconds, memory_bytes=2**29)


def write_pictures(folder: Path, colours: list[object]) -> list[ReadTask]:
    tasks = []
    for index, colour in enumerate(colours):
        path = folder / f"{index}.png"
        Image.new("RGB", (32, 32), colour).save(path)
        tasks.append(ReadTask(Picture(path.parent, path.name, index, "p", 0, "only")))
    return tasks


def read_all(pool: ReadPool, tasks: list[ReadTask]) -> list[ReadPicture | Problem]:
    outcomes = []
    with pool:
        for task in tasks:
            pool.submit(task)
        deadline = time.monotonic() + 60
        while len(outcomes) < len(tasks):
            assert time.monotonic() < deadline
            result = pool.take(0.2)
            if result is not None:
                outcomes.append(result.outcome)
    return outcomes


def steps(outcomes: list[ReadPicture | Problem]) -> list[int | str]:
    """The steps of pictures and the reasons of problems."""
    return [one.reason if isinstance(one, Problem) else one.picture.step for one in outcomes]


def test_results_come_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    tasks = write_pictures(tmp_path, [(index, 0, 0) for index in range(24)])
    outcomes = read_all(ReadPool(2, setup()), tasks)
    assert steps(outcomes) == list(range(24))
    assert [one.panels[0].frames[0].pixels.tolist() for one in outcomes] == [
        [[[index, 0, 0]]] for index in range(24)
    ]


def test_messages_that_arrive_in_pieces_are_taken_whole_and_in_order() -> None:
    messages = [b"", b"a", b"bc" * 300, b"d"]
    sent = b"".join(len(one).to_bytes(8, "little") + one for one in messages)
    for piece in (1, 7, 8, 9, 100, len(sent)):
        received, taken = bytearray(), []
        for start in range(0, len(sent), piece):
            received += sent[start : start + piece]
            taken += take_framed(received)
        assert taken == messages
        assert not received


def test_who_reads_quickly_has_more_in_line_and_who_reads_slowly_two() -> None:
    lengths = [readpool._queue_length(seconds) for seconds in (math.inf, 1.0, 0.01, 0.004, 0.0)]
    assert lengths == [2, 2, 2, 5, 16]


@pytest.mark.parametrize("how", ["abort", "hang", "eat memory"])
def test_a_picture_that_kills_its_reader_costs_itself_alone(tmp_path: Path, how: str) -> None:
    colours = ["blue", "green", "red", "blue", "green", "red", "blue", "green"]
    tasks = write_pictures(tmp_path, colours)
    pool = ReadPool(1, setup(Misbehaving(how), seconds=2.0 if how == "hang" else 20.0))
    crash = "decoder_crash"
    outcomes = read_all(pool, tasks)
    assert steps(outcomes) == [0, 1, crash, 3, 4, crash, 6, 7]
    said = {"abort": "SIGABRT", "hang": "within 2 seconds", "eat memory": "0.5 GB of memory"}
    assert said[how] in outcomes[2].detail
    assert outcomes[2].path == tasks[2].picture.path


def test_who_dies_in_the_middle_of_many_tasks_is_told_from_those_around(tmp_path: Path) -> None:
    """Quick pictures go to a process in messages of several."""
    tasks = write_pictures(tmp_path, [(0, 0, 0)] * 60)
    Image.new("RGB", (32, 32), "red").save(tmp_path / "37.png")
    outcomes = read_all(ReadPool(1, setup(Misbehaving("abort"))), tasks)
    assert steps(outcomes) == [*range(37), "decoder_crash", *range(38, 60)]


def test_known_content_is_not_decoded_and_known_crops_come_without_pixels(tmp_path: Path) -> None:
    tasks = write_pictures(tmp_path, ["blue", "blue"])
    with open_reader(0, setup()) as reader:
        reader.submit(tasks[0])
        first = reader.take(0.0).outcome
        reader.submit(ReadTask(tasks[0].picture, known_sha256=first.sha256))
        assert reader.take(0.0).outcome is None
        reader.submit(ReadTask(tasks[1].picture, known_crops=frozenset({first.panels[0].crop_id})))
        second = reader.take(0.0).outcome
    assert first.panels[0].frames[0].pixels is not None
    assert second.panels[0].frames[0].pixels is None
    assert second.panels[0].crop_id == first.panels[0].crop_id


def test_readers_that_cannot_start_are_an_error_and_not_a_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readprocess, "_START", "raise SystemExit(7)")
    with ReadPool(1, setup()) as pool, pytest.raises(ReadersFailed, match="status 7"):
        for _ in range(200):
            pool.take(0.1)


PARENT = """
    import os, sys, time
    from pathlib import Path
    from clipstore.pipeline.readpool import ReadPool
    from clipstore.pipeline.reading import ReadTask
    from clipstore.types import Picture
    from tests.test_readpool import Misbehaving, setup

    pool = ReadPool(2, setup(Misbehaving("hang"), seconds=1.0)).__enter__()
    path = Path(sys.argv[1])
    pool.submit(ReadTask(Picture(path.parent, path.name, 0, "p", 0, "only")))
    while not all(one.is_ready for one in pool._processes):
        time.sleep(0.01)
    print(*(one.process.pid for one in pool._processes), flush=True)
    time.sleep(60)
"""


def test_readers_end_when_their_parent_is_killed_even_one_that_hangs(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["red"])
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path / "0.png")],
        stdout=subprocess.PIPE,
        text=True,
    )
    readers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(readers) == 2
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in readers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_reader_imports_nothing_heavy() -> None:
    code = (
        "import sys; import clipstore.pipeline.readworker, clipstore.pipeline.reading; "
        "print([name for name in ('torch', 'transformers', 'polars', 'duckdb') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Poisoned(MeanColourEmbedder):
    """Its readers die on red pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.preprocessing = Misbehaving("abort")


def ingest(root: Path, store: Path, workers: int, embedder: MeanColourEmbedder) -> IngestReport:
    return ingest_surveyed([survey(outline(root))], store, embedder, IngestOptions(workers=workers))


def scores(store: Path) -> list[dict[str, object]]:
    with open_current(store) as reader:
        return reader.frame(
            "SELECT run, step, prompt_id, panel, cosine FROM current_scores ORDER BY ALL"
        ).to_dicts()


def test_scores_do_not_depend_on_who_reads(tmp_path: Path) -> None:
    prompts = {"red": "a red square", "blue": "a blue square"}
    colours = ["red", "blue"]
    write_simpletuner_run(
        tmp_path / "runs/a", prompts, {step: colours for step in range(100, 2100, 100)}
    )
    for workers in (0, 1, 2):
        report = ingest(
            tmp_path / "runs", tmp_path / f"{workers}.duckdb", workers, MeanColourEmbedder()
        )
        assert report.timings.n_readers == workers
        assert report.tally.scored == 42
    here, one, two = (scores(tmp_path / f"{workers}.duckdb") for workers in (0, 1, 2))
    assert here == one == two


def test_an_ingest_accounts_for_pictures_that_crash_their_decoder(tmp_path: Path) -> None:
    write_simpletuner_run(
        tmp_path / "runs/a",
        {"red": "a red square", "blue": "a blue square"},
        {100: ["red", "blue"], 200: ["blue", "blue"], 300: ["blue", "red"]},
    )
    report = ingest(tmp_path / "runs", tmp_path / "s.duckdb", 1, Poisoned())
    assert [problem.reason for problem in report.problems] == ["decoder_crash"] * 2
    assert (report.tally.scored, report.tally.refused) == (6, 2)
    assert report.tally.seen == sum(path.is_file() for path in (tmp_path / "runs").rglob("*"))
