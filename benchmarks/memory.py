"""Resident memory of a long ingest: is it flat, and what does a million pictures cost?

    python -m benchmarks.memory --pictures 100000 --model demo_data/small-clip --out FILE.md

Writes so many distinct small pictures into a temporary folder, ingests them as `clipstore ingest`
does, and reads the memory of this process and of its reading processes from /proc as it goes. The
model is the demo's trained CLIP unless another is named; "mean-colour" takes the tests' stand-in
for a model, which computes nothing, so that all else is seen by itself. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.scorer_parts.process import tree_memory_bytes
from clipstore.model.embedder import Embedder
from clipstore.pipeline.discover import discover
from clipstore.pipeline.ingest import IngestOptions, Progress, ingest_discoveries
from tests.mean_colour import MeanColourEmbedder

SIDE_PX = 64
PROMPTS = 50
SAMPLES = 20
"""Lines of the table."""
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
    """Looks after every file, and writes a sample down whenever another share of them is done."""

    def __init__(self, n_pictures: int) -> None:
        self.samples: list[Sample] = []
        self._every = n_pictures // SAMPLES
        self._started = time.perf_counter()
        self._seen: list[int] = []

    def look(self, progress: Progress) -> None:
        self._seen.append(own_memory_bytes())
        if progress.n_done < (len(self.samples) + 1) * self._every:
            return
        seconds, tree = time.perf_counter() - self._started, tree_memory_bytes(os.getpid()) or 0
        low, high = min(self._seen), max(self._seen)
        self.samples.append(Sample(progress.n_done, seconds, low, high, tree))
        self._seen.clear()


def main() -> None:
    """Write, ingest, look, say."""
    asked = _parse()
    embedder = load(asked.model)
    with tempfile.TemporaryDirectory(prefix="clipstore-memory-") as folder:
        runs, store = Path(folder) / "runs", Path(folder) / "scores.duckdb"
        write_pictures(runs / "long", asked.pictures)
        sys.stderr.write(f"{asked.pictures:,} pictures written\n")
        before = own_memory_bytes()
        found = discover(runs)
        listed = own_memory_bytes()
        sampler = Sampler(asked.pictures)
        report = ingest_discoveries(
            [found], store, embedder, IngestOptions(), on_progress=sampler.look
        )
        size = store.stat().st_size
    if report.n_embedded != asked.pictures:
        raise SystemExit(f"{report.n_embedded:,} pictures went through the model, not all: no test")
    text = to_markdown(asked.model, asked.pictures, before, listed, size, sampler.samples)
    if asked.out is None:
        sys.stdout.write(text)
    else:
        asked.out.write_text(text)


def load(model: str) -> Embedder:
    """The model by its folder, as `clipstore ingest` loads it; or the stand-in."""
    if model == "mean-colour":
        return MeanColourEmbedder(batch_size=32)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read at torch's import
    from clipstore.model.embed import load_clip  # noqa: PLC0415

    return load_clip(model, device="cpu", offline=True, announce=lambda _text: None)


def write_pictures(run: Path, count: int) -> None:
    """`count` different PNG files in clipstore's folder layout, `PROMPTS` a step."""
    run.mkdir(parents=True)
    prompts = {f"p{n}": f"a shape of colour number {n}" for n in range(PROMPTS)}
    (run / "prompts.json").write_text(json.dumps(prompts))
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_write_step, run), range(-(-count // PROMPTS)), chunksize=16))


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
    model: str, count: int, before: int, listed: int, store_bytes: int, samples: Sequence[Sample]
) -> str:
    """The finding, then the samples."""
    # It loads torch, which must not be in memory where the stand-in is measured.
    from benchmarks.scorer_parts.machine import describe_machine  # noqa: PLC0415

    slope, error = slope_mb_per_million(samples)
    lines = [
        f"### {count:,} pictures, {Path(model).name}",
        "",
        f"{describe_machine('cpu').to_sentence()} Ended {datetime.now(UTC):%H:%M}.",
        "",
        f"{count:,} distinct PNG of {SIDE_PX} × {SIDE_PX} pixels, {PROMPTS} prompts, vectors kept; "
        f"database {store_bytes / 1e6:.0f} MB. Listing the files took the process from "
        f"{before / 1e6:.0f} to {listed / 1e6:.0f} MB, {(listed - before) / count:.0f} bytes a "
        f"file. By what it held after {WARM_UP_SHARE:.0%} of the pictures, a million more would "
        f"add **{slope:+.0f} MB** (standard error {error:.0f}).",
        "",
        "| pictures done | seconds | process, lowest, MB | highest, MB | with readers, then, MB |",
        "| ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {each.n_done:,} | {each.seconds:.0f} | {each.lowest_bytes / 1e6:.0f} "
            f"| {each.highest_bytes / 1e6:.0f} | {each.tree_bytes / 1e6:.0f} |"
            for each in samples
        ),
    ]
    return "\n".join(lines) + "\n"


def _write_step(run: Path, step: int) -> None:
    folder = run / f"step_{step + 1:06}"
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
    parser.add_argument("--model", default="demo_data/small-clip", metavar="FOLDER|mean-colour")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="default: standard output")
    return parser.parse_args()


if __name__ == "__main__":
    main()
