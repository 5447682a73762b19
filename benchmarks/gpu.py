"""The scorer on a GPU, in one command meant to end within eight minutes on 16 cores and an H100.

    python -m benchmarks.gpu --out FILE.md

Needs no network and none of the peers' environments: it draws its own pictures and makes its own
weights of the true sizes. For ViT-B/32 and ViT-L/14-336 it measures the model alone, decoding alone
and whole ingests, the error of the chosen dtype on 240 pictures, and what compiling brings. The
file is written anew after each step; a step that no time is left for is listed as not measured.
Without a GPU it runs on the CPU, with few pictures, and says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scorer_parts.errorpictures import make_error_pictures
from benchmarks.scorer_parts.gpumodel import MeasuredModel
from benchmarks.scorer_parts.gputables import gpu_to_markdown
from benchmarks.scorer_parts.machine import describe_machine
from benchmarks.scorer_parts.models import ARCHITECTURES, Architecture, make_checkpoint
from benchmarks.scorer_parts.picturesets import FORMATS, make_picture_set
from clipstore.errors import ClipstoreError
from clipstore.model.embed import choose_device

GPU_FILES = {"png-512": 4096, "png-1024": 1024}
"""Four calls of ViT-B/32 and more of ViT-L/14-336; so many are drawn in two minutes."""
CPU_FILES = {"png-512": 32}
ERRORS_S, COMPILING_S = 60.0, 90.0
"""What these are thought to take: they are not begun when less time is left."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    architectures: tuple[Architecture, ...]
    files: dict[str, int]
    """By the name of their format."""
    n_error_pictures: int
    minutes: float
    """In all, making of pictures and weights included."""


class GpuBenchmark:
    """Takes all steps, the most wanted first, and keeps the text up to date."""

    def __init__(self, sizes: Sizes, device: str, work: Path, out: Path | None) -> None:
        self._sizes = sizes
        self._work = work
        self._out = out
        self._machine = describe_machine(device)
        self._models: list[MeasuredModel] = []
        self._missing: list[str] = []
        self._began = time.perf_counter()

    def run(self) -> str:
        """All that was found, as Markdown."""
        workers, device = os.cpu_count() or 1, self._machine.device
        sets = [
            make_picture_set(FORMATS[form], count, self._work / "pictures")
            for form, count in self._sizes.files.items()
        ]
        for architecture in self._sizes.architectures:
            checkpoint = make_checkpoint(architecture, self._work / "models")
            model = MeasuredModel(checkpoint, device)
            self._models.append(model)
            self._step(f"{architecture.name}, the model alone", model.measure_alone)
            for pictures in sets:
                what = f"{architecture.name}, {pictures.format.name}"
                self._step(what, lambda m=model, p=pictures: m.measure_loop(p, workers))
        count = self._sizes.n_error_pictures
        drawn = make_error_pictures(count, [], self._work / "pictures")
        for model in self._models:
            name = model.figures.name
            self._step(f"{name}, errors", lambda m=model: m.measure_errors(drawn), ERRORS_S)
        for model in self._models:
            what = f"{model.figures.name}, compiling"
            self._step(what, model.measure_compiling, COMPILING_S if device == "cuda" else 0.0)
        return self._write()

    def _step(self, what: str, take: Callable[[], None], needs_s: float = 0.0) -> None:
        left_s = 60 * self._sizes.minutes - (time.perf_counter() - self._began)
        sys.stderr.write(f"{what} ({left_s:.0f} s left)\n")
        if left_s < needs_s or left_s <= 0:
            self._missing.append(f"{what}: no time was left")
        else:
            try:
                take()
            except (ClipstoreError, RuntimeError, ValueError, OSError) as error:
                self._missing.append(f"{what}: {str(error).strip().splitlines()[0]}")
        self._write()

    def _write(self) -> str:
        figures = [model.figures for model in self._models]
        seconds = time.perf_counter() - self._began
        text = gpu_to_markdown(self._machine, figures, self._missing, seconds)
        if self._out is not None:
            self._out.write_text(text)
        return text


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, measure, write."""
    asked = _parse(arguments)
    device = choose_device(asked.device)
    files = GPU_FILES if device == "cuda" else CPU_FILES
    sizes = Sizes(
        architectures=tuple(ARCHITECTURES[name] for name in asked.models),
        files={form: asked.pictures or count for form, count in files.items()},
        n_error_pictures=asked.error_pictures,
        minutes=asked.minutes,
    )
    asked.work.mkdir(parents=True, exist_ok=True)
    text = GpuBenchmark(sizes, device, asked.work.resolve(), asked.out).run()
    if asked.out is None:
        sys.stdout.write(text)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    work = Path(tempfile.gettempdir()) / "clipstore-benchmark"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    models = list(ARCHITECTURES)
    parser.add_argument("--models", nargs="+", choices=models, default=models)
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--pictures", type=int, metavar="N", help="files of each kind")
    parser.add_argument("--error-pictures", type=int, default=240, metavar="N", help="default: 240")
    parser.add_argument("--minutes", type=float, default=8.0, metavar="N", help="default: 8")
    parser.add_argument("--work", type=Path, default=work, help=f"default: {work}")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="default: standard output")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
