"""How long a tree of sample pictures takes to be understood, and how much memory.

    python -m benchmarks.scan [--files 100000] [--layouts kohya,folder]

Per layout: files of that trainer's names (links to one small picture), read by `discover` in a
process of its own. Printed beside what `os.walk` takes for the same tree in the same process, so
that a slow disk shows. The memory is what the process has above its start, per file.

Measured on 2026-11-24 with 100,000 files, two cores of an AMD EPYC that were BUSY with other work
(load 10 to 17), at nice 5: 3.4 to 5.5 s of processor time, and 10.4 s for `metadata`, which looks
into each picture. Wall times there (19 to 42 s) say more of the load than of this code: a run on an
idle machine is still to be made. Memory is not flat: 0.9 to 2.0 kB per file, since a discovery
holds all its pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from clipstore.pipeline.discover import discover
from clipstore.sources.pattern import parse_pattern
from clipstore.types import Prompt
from tests.generated_pictures import a1111
from tests.layout_trees import draw

PROMPTS = 50
PATTERN = "{run}/samples/{step}_{prompt_id}_{index}.png"
BEGUN_MS = 1_700_000_000_000


def names(layout: str, step: int) -> Iterator[str]:
    """The names of one validation."""
    clock = f"{step // 60 % 24:02d}{step % 60:02d}"
    day = f"{step // 1440 % 28 + 1:02d}"
    for prompt in range(PROMPTS):
        yield {
            "simpletuner": f"validation_images/step_{step}_prompt{prompt}_0_64x64.png",
            "folder": f"step_{step:06d}/prompt{prompt}.png",
            "kohya": f"sample/lora_{step:06d}_{prompt:02d}_202402{day}{clock}00_42.png",
            "musubi": f"sample/lora_{step:06d}_{prompt:02d}_202402{day}{clock}00_42_000.png",
            "ai_toolkit": f"samples/{BEGUN_MS + step}__{step:09d}_{prompt}.jpg",
            "onetrainer": f"samples/{prompt} - prompt {prompt}/"
            f"2024-02-{day}_{clock[:2]}-{clock[2:]}-00-training-sample-{step}-0-{step}.jpg",
            "pattern": f"one/samples/{step}_prompt{prompt}_0.png",
            "metadata": f"{step * PROMPTS + prompt:05d}-7-step{step}.png",
        }[layout]


LAYOUTS = (
    "simpletuner",
    "folder",
    "kohya",
    "musubi",
    "ai_toolkit",
    "onetrainer",
    "pattern",
    "metadata",
)


def make_picture(layout: str, path: Path) -> Path:
    if layout == "metadata":
        return a1111(path, "a fox <lora:mine:1>")
    return draw(path, 32, 32)


def build(layout: str, root: Path, n_files: int) -> None:
    """Names without content of their own: all are one file under many links."""
    picture = make_picture(layout, root / "elsewhere" / "0.png")
    run = root / "run"
    for step in range(1, n_files // PROMPTS + 1):
        for name in names(layout, step):
            path = run / name
            try:
                os.link(picture, path)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.link(picture, path)
            except OSError:  # a file system allows only so many links to one file
                picture = make_picture(layout, root / "elsewhere" / f"{step}.png")
                os.link(picture, path)


def measure(layout: str, run: Path) -> dict[str, object]:
    """In this process: one walk, then one discovery."""
    started = time.perf_counter()
    n_walked = sum(len(files) for _, _, files in os.walk(run))
    walked = time.perf_counter() - started
    prompts = tuple(
        Prompt(prompt_id, f"prompt {n}", "p")
        for n in range(PROMPTS)
        for prompt_id in (str(n), f"prompt{n}", f"{n} - prompt {n}")
    )
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    found = discover(
        run,
        pattern=parse_pattern(PATTERN) if layout == "pattern" else None,
        user_prompts=prompts,
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert found.seen_files == n_walked
    assert sum(len(one.pictures) for one in found.runs) == n_walked
    return {
        "files": n_walked,
        "wall_s": wall,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "walk_s": walked,
        "bytes_per_file": (after.ru_maxrss - before.ru_maxrss) * 1024 / n_walked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    parser.add_argument("--child", nargs=2, metavar=("LAYOUT", "RUN"))
    arguments = parser.parse_args()
    if arguments.child:
        layout, run = arguments.child
        sys.stdout.write(json.dumps(measure(layout, Path(run))))
        return
    out = sys.stdout
    out.write(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start\n")
    out.write("layout        files   wall s   cpu s   os.walk s   cpu/walk   bytes/file\n")
    for layout in arguments.layouts.split(","):
        with tempfile.TemporaryDirectory() as folder:
            build(layout, Path(folder), arguments.files)
            command = [sys.executable, "-m", "benchmarks.scan", "--child", layout]
            done = subprocess.run(
                [*command, str(Path(folder) / "run")], capture_output=True, text=True, check=True
            )
        row = json.loads(done.stdout)
        ratio = row["cpu_s"] / row["walk_s"]
        out.write(
            f"{layout:12}{row['files']:8,}{row['wall_s']:9.2f}{row['cpu_s']:8.2f}"
            f"{row['walk_s']:12.2f}{ratio:11.1f}{row['bytes_per_file']:13,.0f}\n"
        )


if __name__ == "__main__":
    main()
