"""Resident memory of a long ingest: is it flat, and what does a million pictures cost?

    python -m benchmarks.memory --pictures 100000 --runs 100 --model demo_data/small-clip

Writes so many distinct small pictures into a temporary folder, ingests them as `clipstore ingest`
does, and reads the memory of this process and of its reading processes from /proc as it goes; each
look is told on stderr, so that one that is stopped has told what it saw. A million pictures take
4.5 GB of the temporary folder's disk. The
model is the demo's trained CLIP unless another is named; "mean-colour" takes the tests' stand-in
for a model, which computes nothing, so that all else is seen by itself. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.scorer_parts.process import tree_memory_bytes
from clipstore.model.embedder import Embedder
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, Progress, ingest_surveyed
from clipstore.pipeline.stopping import StopSwitch
from clipstore.pipeline.survey import survey
from tests.mean_colour import MeanColourEmbedder

SIDE_PX = 64
PROMPTS = 50
SAMPLES = 100
"""Looks that are kept."""
LINES = 20
"""Of them, those in the table."""
WARM_UP_SHARE = 0.4
"""Of the pictures: buffers and the 32,768 vectors that are held fill up first."""


@dataclass(frozen=True)
class Sample:
    """One look at /proc."""

    n_done: int
    seconds: float
    """Since the first picture was handed to a reader."""
    lowest_bytes: int
    """Resident, of the process that runs the model and writes the database, since the look before;
    what it held all the time."""
    highest_bytes: int
    """The same while a merge was at work."""
    tree_bytes: int
    """Proportional, of that process and its readers, at this moment."""


class Sampler:
    """Looks as often as progress is told; writes a sample down as each share of all is done."""

    def __init__(self, n_pictures: int, minutes: float, stop: StopSwitch) -> None:
        """`stop` is set after so many minutes."""
        self.samples: list[Sample] = []
        self._ends = time.monotonic() + 60 * minutes
        self._stop = stop
        self._every = n_pictures // SAMPLES
        self._started = time.perf_counter()
        self._low, self._high = sys.maxsize, 0

    def look(self, progress: Progress) -> None:
        if time.monotonic() > self._ends:
            self._stop.set()
        now = own_memory_bytes()
        self._low, self._high = min(self._low, now), max(self._high, now)
        if progress.n_done < (len(self.samples) + 1) * self._every:
            return
        seconds, tree = time.perf_counter() - self._started, tree_memory_bytes(os.getpid()) or 0
        self.samples.append(Sample(progress.n_done, seconds, self._low, self._high, tree))
        self._low, self._high = sys.maxsize, 0
        sys.stderr.write(f"{to_row(self.samples[-1])}\n")


def main() -> None:
    """Write, ingest, look, say."""
    asked = _parse()
    embedder = load(asked.model)
    with tempfile.TemporaryDirectory(prefix="clipstore-memory-") as folder:
        runs, store = Path(folder) / "runs", Path(folder) / "scores.duckdb"
        write_runs(runs, asked.pictures, asked.runs)
        sys.stderr.write(f"{asked.pictures:,} pictures written\n")
        before = own_memory_bytes()
        found = survey(outline(runs))
        listed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        stop = StopSwitch()
        sampler = Sampler(asked.pictures, asked.minutes, stop)
        report = ingest_surveyed(
            [found], store, embedder, IngestOptions(), on_progress=sampler.look, stop=stop
        )
        size = store.stat().st_size
    if report.n_embedded != report.tally.scored:
        raise SystemExit(f"{report.n_embedded:,} pictures went through the model, not all: no test")
    what = f"{asked.pictures:,} pictures in {asked.runs:,} run{'s' if asked.runs > 1 else ''}"
    if stop.is_set:
        what = f"{report.tally.scored:,} of {what}, stopped after {asked.minutes:g} minutes"
    title = f"### {what}, {Path(asked.model).name}"
    text = to_markdown(title, (before, listed), size, sampler.samples)
    if asked.out is None:
        sys.stdout.write(text)
    else:
        asked.out.write_text(text)


def load(model: str) -> Embedder:
    """The model by its folder, as `clipstore ingest` loads it; or the stand-in."""
    if model == "mean-colour":
        return MeanColourEmbedder(batch_size=256)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read at torch's import
    from clipstore.model.embed import load_clip  # noqa: PLC0415

    return load_clip(model, device="cpu", offline=True, announce=lambda _text: None)


def write_runs(root: Path, count: int, n_runs: int) -> None:
    """`count` different PNG files in clipstore's folder layout, `PROMPTS` a step, shared out among
    runs."""
    prompts = {f"p{n}": f"a shape of colour number {n}" for n in range(PROMPTS)}
    runs = [root / f"run{number:04}" for number in range(n_runs)]
    for run in runs:
        run.mkdir(parents=True)
        (run / "prompts.json").write_text(json.dumps(prompts))
    per_run = -(-count // PROMPTS // n_runs)
    steps = range(-(-count // PROMPTS))
    folders = [runs[step // per_run] / f"step_{step % per_run + 1:06}" for step in steps]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_write_step, folders, steps, chunksize=16))


def own_memory_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def slope_mb_per_million(samples: Sequence[Sample]) -> tuple[float, float]:
    """MB held for a million pictures more, least squares over what comes after the warm-up; and
    its standard error."""
    last = samples[-1].n_done
    settled = [each for each in samples if each.n_done > WARM_UP_SHARE * last]
    counts = np.array([each.n_done for each in settled], np.float64)
    held = [each.lowest_bytes for each in settled]
    (slope, _), spread = np.polyfit(counts, held, 1, cov=True)
    return float(slope), float(np.sqrt(spread[0, 0]))


def to_markdown(
    title: str, listing: tuple[int, int], store_bytes: int, samples: Sequence[Sample]
) -> str:
    """The finding, then the samples. `listing`: bytes held before it, and at most meanwhile."""
    # It loads torch, which must not be in memory where the stand-in is measured.
    from benchmarks.scorer_parts.machine import describe_machine  # noqa: PLC0415

    slope, error = slope_mb_per_million(samples)
    before, peak = listing
    lines = [
        title,
        "",
        f"{describe_machine('cpu').to_sentence()} Ended {datetime.now(UTC):%H:%M}.",
        "",
        f"Distinct PNG of {SIDE_PX} × {SIDE_PX} pixels, {PROMPTS} prompts, vectors kept; "
        f"database {store_bytes / 1e6:.0f} MB. Listing the files took the process from "
        f"{before / 1e6:.0f} to {peak / 1e6:.0f} MB. By what it held after {WARM_UP_SHARE:.0%} of "
        f"the pictures, a million more would add **{slope:+.0f} MB** (standard error {error:.0f}).",
        "",
        "| pictures done | seconds | process, lowest, MB | highest, MB | with readers, then, MB |",
        "| ---: | ---: | ---: | ---: | ---: |",
        *map(to_row, samples[:: -(-len(samples) // LINES)]),
    ]
    return "\n".join(lines) + "\n"


def to_row(sample: Sample) -> str:
    """A line of the table."""
    return (
        f"| {sample.n_done:,} | {sample.seconds:.0f} | {sample.lowest_bytes / 1e6:.0f} "
        f"| {sample.highest_bytes / 1e6:.0f} | {sample.tree_bytes / 1e6:.0f} |"
    )


def _write_step(folder: Path, step: int) -> None:
    """`step` over all runs."""
    folder.mkdir()
    for prompt in range(PROMPTS):
        number = step * PROMPTS + prompt
        (folder / f"p{prompt}.png").write_bytes(_png(number))


def _png(number: int) -> bytes:
    """Bands of two colours that tell the number: no two pictures are alike."""
    rows = np.empty((SIDE_PX, SIDE_PX, 3), np.uint8)
    rows[:] = np.frombuffer(number.to_bytes(3, "big"), np.uint8)
    rows[:: 2 + number % 7] = 255 - rows[0]
    lines = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + name + content + check

    side = SIDE_PX.to_bytes(4, "big")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", side + side + bytes([8, 2, 0, 0, 0]))
        + chunk(b"IDAT", zlib.compress(lines, 1))
        + chunk(b"IEND", b"")
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--pictures", type=int, default=100_000, metavar="N")
    parser.add_argument("--runs", type=int, default=1, metavar="N")
    parser.add_argument(
        "--minutes", type=float, default=600, metavar="N", help="stop after so long"
    )
    parser.add_argument("--model", default="demo_data/small-clip", metavar="FOLDER|mean-colour")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="default: standard output")
    return parser.parse_args()


if __name__ == "__main__":
    main()
