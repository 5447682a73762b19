"""How many pictures a second the process that runs the model can move, with a model and readers
that cost nothing: the ceiling of an ingest on a machine whose GPU and readers are faster than that.

    python -m benchmarks.mainprocess --pictures 20000 --out FILE.md

Writes so many distinct small pictures into a temporary folder and ingests them as `clipstore
ingest` does, once for each payload; but the readers only say what a clean picture would give, and
all is merged at the end, as after five seconds at 4,000 a second. What is counted is the processor
time of the main process by thread. Whatever holds Python's lock runs one thread at a time, so one
picture cannot cost less than the sum of the threads that do; that sum gives the rate. Linux only.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import nullreader
from benchmarks.memory import write_runs
from benchmarks.nullmodel import NullEmbedder
from clipstore.pipeline import keeping, readprocess
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, Progress, ingest_surveyed
from clipstore.pipeline.survey import survey

PAYLOADS = {"ViT-L/14-336": (336, 256), "ViT-B/32": (224, 1024)}
"""Side of the pixels that a picture is handed over as, and pictures per call, as on a GPU."""
LOOKS = 20
THE_END = "the end"


@dataclass(frozen=True)
class Ceiling:
    """One ingest."""

    payload: str
    side_px: int
    n_pictures: int
    whole_seconds: float
    """From the listing of the files to the end of the merge."""
    seconds_by_thread: dict[str, float]
    """Processor time of the main process, from the first picture to the end of the last merge."""
    readers_seconds: float
    """Processor time of all reading processes, their start included."""

    @property
    def per_second(self) -> float:
        """Pictures for which one core has time, if all of it belongs to the main process."""
        return self.n_pictures / sum(self.seconds_by_thread.values())


class ThreadClock:
    """Processor time of this process's threads by name, from the first look on."""

    def __init__(self, n_pictures: int) -> None:
        self._every = n_pictures // LOOKS
        self._n_looks = 0
        self._first: dict[str, float] = {}
        self._first_of_all = 0.0
        self._latest: dict[str, float] = {}

    def look(self, progress: Progress) -> None:
        if progress.n_done < self._n_looks * self._every:
            return  # a look costs as much as several pictures
        self._n_looks += 1
        seen = thread_seconds()
        if not self._first:
            self._first, self._first_of_all = seen, time.process_time()
        self._latest |= seen

    def spent(self) -> dict[str, float]:
        """Threads that came later count from their start. What was spent after the last look, in
        threads that are gone by now, is `THE_END`: the last merge."""
        by_thread = {
            name: seconds - self._first.get(name, 0.0) for name, seconds in self._latest.items()
        }
        of_all = time.process_time() - self._first_of_all
        return by_thread | {THE_END: of_all - sum(by_thread.values())}


def thread_seconds() -> dict[str, float]:
    """Processor time by the thread's name; other libraries' threads together."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    seconds: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            nanoseconds = int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue  # it ended while we looked
        name = names.get(int(task.name), "threads of libraries")
        seconds[name] = seconds.get(name, 0.0) + nanoseconds / 1e9
    return seconds


def measure(runs: Path, payload: str, count: int) -> Ceiling:
    """Ingest `runs` with a model that answers at once."""
    side, per_call = PAYLOADS[payload]
    clock = ThreadClock(count)
    readprocess._START = nullreader.START
    keeping.MERGE_EVERY_SECONDS = math.inf
    before, began = os.times(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="clipstore-mainprocess-") as folder:
        report = ingest_surveyed(
            [survey(outline(runs))],
            Path(folder) / "scores.duckdb",
            NullEmbedder(side, per_call),
            IngestOptions(workers=len(os.sched_getaffinity(0))),
            on_progress=clock.look,
        )
        whole_seconds = time.perf_counter() - began
    after = os.times()
    if report.n_embedded != count:
        raise SystemExit(f"{report.n_embedded:,} pictures went through the model, not all: no test")
    readers = after.children_user + after.children_system
    readers -= before.children_user + before.children_system
    return Ceiling(payload, side, count, whole_seconds, clock.spent(), readers)


def main() -> None:
    """Write, ingest, say."""
    asked = _parse()
    with tempfile.TemporaryDirectory(prefix="clipstore-mainprocess-") as folder:
        runs = Path(folder) / "runs"
        write_runs(runs, asked.pictures, 1)
        found = [measure(runs, payload, asked.pictures) for payload in PAYLOADS]
    text = to_markdown(found)
    if asked.out is None:
        sys.stdout.write(text)
    else:
        asked.out.write_text(text)


def to_markdown(found: Sequence[Ceiling]) -> str:
    """What it was measured on, then the table."""
    # It loads torch, which must not be in memory while the ingests run.
    from benchmarks.scorer_parts.machine import describe_machine  # noqa: PLC0415

    lines = [
        "# What the main process can move",
        "",
        "Written by `python -m benchmarks.mainprocess`: ingests with a model that answers at once",
        "and readers that read nothing but hand over pixels. Microseconds of processor time for",
        "each picture; merging is all of it, at the end, the new database's making included. *One",
        "core* is what a core could move if no two threads ran at a time. DuckDB and polars run",
        "beside Python, so more cores allow more; *Python alone* is what its lock allows: the main",
        "thread and the one that collects. *Ingested* is the whole ingest, readers on the same",
        "cores.",
        "",
        describe_machine("cpu").to_sentence(),
        "",
        "| pixels as for | pictures | ingested, pictures/s | main thread, µs | collecting, µs "
        "| writing parts, µs | merging, µs | other threads, µs | **one core, pictures/s** "
        "| Python alone, pictures/s | reading processes, µs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, *map(_to_row, found)]) + "\n"


def _to_row(one: Ceiling) -> str:
    micros = {name: 1e6 * s / one.n_pictures for name, s in one.seconds_by_thread.items()}
    known = [micros.pop(name, 0.0) for name in ("MainThread", "readers", "write_0", THE_END)]
    cells = [f"{one.payload}, {one.side_px}²", f"{one.n_pictures:,}"]
    cells += [f"{one.n_pictures / one.whole_seconds:.0f}"]
    cells += [f"{value:.0f}" for value in (*known, sum(micros.values()))]
    cells += [f"**{one.per_second:.0f}**", f"{1e6 / sum(known[:2]):.0f}"]
    cells += [f"{1e6 * one.readers_seconds / one.n_pictures:.0f}"]
    return f"| {' | '.join(cells)} |"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mainprocess", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--pictures", type=int, default=20_000, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="default: standard output")
    return parser.parse_args()


if __name__ == "__main__":
    main()
