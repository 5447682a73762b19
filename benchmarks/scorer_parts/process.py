"""One contestant in a process of its own, watched from outside.

Invariant: all contestants are run, timed and sampled by this one function.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Of the repository: where `python -m benchmarks.…` finds its module."""
SAMPLE_EVERY_SECONDS = 0.5
TIMEOUT_SECONDS = 2 * 3600.0
"""The errors of ViT-L/14-336 take half an hour on two idle cores."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
ERROR_LINES = 3


@dataclass(frozen=True)
class Finished:
    """A process that ended well."""

    wall_seconds: float
    """From its start to its end: imports and weights included."""
    peak_bytes: int | None
    """Highest sum of proportional resident memory over it and its children; None where the system
    does not tell."""


@dataclass(frozen=True)
class Failed:
    """A process that did not."""

    why: str


def run_process(
    command: Sequence[str], *, log: Path, environment: dict[str, str] | None = None
) -> Finished | Failed:
    """Run `command` to its end in the repository's root; its output goes to `log`."""
    settings = {**os.environ, **OFFLINE, **(environment or {})}
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=settings, cwd=ROOT
        )
        sampler = _MemorySampler(process.pid)
        sampler.start()
        try:
            code = process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return Failed(f"not done after {TIMEOUT_SECONDS:.0f} s")
        finally:
            sampler.stop()
    wall = time.perf_counter() - started
    if code != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        return Failed(f"exit code {code}: {' / '.join(lines[-ERROR_LINES:])}")
    return Finished(wall, sampler.peak_bytes)


def write_json(path: Path, value: object) -> Path:
    """`value` at `path`, which is returned."""
    path.write_text(json.dumps(value))
    return path


class _MemorySampler(threading.Thread):
    """Adds up a process tree's memory now and then."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak_bytes: int | None = None

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_EVERY_SECONDS):
            if (now := tree_memory_bytes(self._pid)) is not None:
                self.peak_bytes = max(now, self.peak_bytes or 0)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def tree_memory_bytes(pid: int) -> int | None:
    """Proportional resident memory of a process and its descendants; None without Linux's /proc.

    Pages that several of them map count once in all.
    """
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    children: dict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold spaces: the parent is the second word after it.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended while we looked
        children[parent].append(int(stat.parent.name))
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        waiting += children[one]
        total += _process_memory_bytes(one)
    return total


def _process_memory_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it ended while we looked
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
