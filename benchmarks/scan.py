"""How long a tree of sample pictures takes to be understood, and how much memory.

    python -m benchmarks.scan [--files 100000] [--layouts kohya,folder] > benchmarks/scan.md

Files of each trainer's names (links to one small picture). First `discover` in one run, in a
process of its own, beside what `os.walk` takes for the same tree in the same process, so that a
slow disk shows. Then the command, `clipstore scan --names-only`, over more and more runs of 1,000
files each: its memory is to stay what it was, because it holds one run at a time.
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

from clipstore.sources.pattern import parse_pattern
from clipstore.types import Prompt
from tests.discovered import discover
from tests.generated_pictures import a1111
from tests.layout_trees import draw

PROMPTS = 50
FILES_PER_RUN = 1_000
IN_MANY_RUNS = ("simpletuner", "kohya", "onetrainer")
"""Layouts whose trees may hold several runs, and whose names alone say all."""
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


def build_runs(layout: str, root: Path, n_files: int) -> None:
    """Runs of FILES_PER_RUN files each."""
    for number in range(n_files // FILES_PER_RUN):
        build(layout, root / f"{number:04d}", FILES_PER_RUN)


def measure_command(tree: Path, *options: str) -> tuple[float, float, float]:
    """(wall, processor time, peak of memory) of a scan, in seconds and megabytes."""
    command = [sys.executable, "-m", "clipstore", "scan", str(tree), "--format", "jsonl", *options]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tree
    )
    _, _, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def print_one_run(layouts: list[str], n_files: int) -> None:
    out = sys.stdout
    out.write("| layout | files | wall s | cpu s | os.walk s | cpu / walk | bytes a file |\n")
    out.write("| --- | --- | --- | --- | --- | --- | --- |\n")
    for layout in layouts:
        with tempfile.TemporaryDirectory() as folder:
            build(layout, Path(folder), n_files)
            command = [sys.executable, "-m", "benchmarks.scan", "--child", layout]
            done = subprocess.run(
                [*command, str(Path(folder) / "run")], capture_output=True, text=True, check=True
            )
        row = json.loads(done.stdout)
        ratio = row["cpu_s"] / row["walk_s"]
        out.write(
            f"| `{layout}` | {row['files']:,} | {row['wall_s']:.1f} | {row['cpu_s']:.1f} | "
            f"{row['walk_s']:.2f} | {ratio:.0f} | {row['bytes_per_file']:,.0f} |\n"
        )
        out.flush()


def print_many_runs(layouts: list[str], n_files: int) -> None:
    out = sys.stdout
    out.write("| layout | runs | files | wall s | cpu s | peak MB |\n")
    out.write("| --- | --- | --- | --- | --- | --- |\n")
    for layout in layouts:
        for count in (n_files // 100, n_files // 10, n_files):
            with tempfile.TemporaryDirectory() as folder:
                build_runs(layout, Path(folder), count)
                wall, cpu, peak_mb = measure_command(Path(folder), "--names-only")
            out.write(
                f"| `{layout}` | {count // FILES_PER_RUN} | {count:,} | {wall:.1f} | {cpu:.1f} | "
                f"{peak_mb:.0f} |\n"
            )
            out.flush()


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
    layouts = arguments.layouts.split(",")
    sys.stdout.write(
        "# Scanning\n\nWritten by `python -m benchmarks.scan`; "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start.\n\n"
        "## One run, `discover`\n\n"
    )
    print_one_run(layouts, arguments.files)
    sys.stdout.write(
        f"\n## Runs of {FILES_PER_RUN:,} files, `clipstore scan --names-only`, whole process\n\n"
    )
    print_many_runs([one for one in layouts if one in IN_MANY_RUNS], arguments.files)


if __name__ == "__main__":
    main()
