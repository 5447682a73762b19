"""What every contestant's script shares: its task, its clock, its answer.

Invariant: it runs in the peers' own environments, so it imports nothing of clipstore and no
torch. The clock runs while files become cosines: not while libraries are imported and weights
are loaded, and not during one warm-up batch.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Entry:
    """One picture to score."""

    path: str
    prompt: str
    box: tuple[int, int, int, int] | None
    """The panel to score, Pillow's order; None for the whole picture."""


@dataclass(frozen=True)
class Job:
    """What a contestant is asked to do."""

    model: str
    """Folder in transformers' format."""
    open_clip_name: str
    open_clip_weights: str
    merges: str
    root: str
    """The folder that holds all pictures as a run."""
    entries: tuple[Entry, ...]
    batch_size: int
    device: str
    precision: str
    """fp32 or fp16; for clipstore also bf16, or default."""
    workers: int
    """Loader processes, for those that use a DataLoader."""


@dataclass(frozen=True)
class Group:
    """A mean over pictures, as fine as the contestant tells it."""

    numbers: list[int]
    """Of the entries."""
    cosine: float


def cpu_seconds() -> float:
    """User and system time of this process and of its children that ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


@dataclass
class Clock:
    """Seconds of wall and CPU since it was made; CPU with ended child processes."""

    started: float = field(default_factory=time.perf_counter)
    cpu_started: float = field(default_factory=cpu_seconds)

    def read(self) -> tuple[float, float]:
        """(wall seconds, CPU seconds)."""
        return time.perf_counter() - self.started, cpu_seconds() - self.cpu_started


def read_job() -> Job:
    """The job that the command line names."""
    asked = json.loads(Path(sys.argv[1]).read_text())
    entries = tuple(
        Entry(each["path"], each["prompt"], None if each["box"] is None else tuple(each["box"]))
        for each in asked.pop("entries")
    )
    return Job(entries=entries, **asked)


def read_image(entry: Entry) -> Image.Image:
    """The picture, or the panel of it, decoded to RGB."""
    with Image.open(entry.path) as image:
        return (image if entry.box is None else image.crop(entry.box)).convert("RGB")


def score_in_batches(
    job: Job, score: Callable[[Sequence[Entry]], Sequence[float]], *, groups_of_one: bool
) -> None:
    """Time `score` over the job's batches and write the answer.

    `score` takes a batch of entries and returns their cosines, or, where `groups_of_one` is
    False, one mean over the batch.
    """
    batches = [
        range(start, min(start + job.batch_size, len(job.entries)))
        for start in range(0, len(job.entries), job.batch_size)
    ]
    warm_up = Clock()
    score([job.entries[number] for number in batches[0]])
    loop = Clock()
    groups: list[Group] = []
    for batch in batches:
        cosines = score([job.entries[number] for number in batch])
        if groups_of_one:
            groups += [Group([n], float(c)) for n, c in zip(batch, cosines, strict=True)]
        else:
            groups.append(Group(list(batch), float(cosines[0])))
    write_answer(groups, warm_up, loop)


def write_answer(
    groups: Sequence[Group],
    warm_up: Clock,
    loop: Clock,
    *,
    ended: tuple[float, float] | None = None,
    more: Mapping[str, object] | None = None,
) -> None:
    """What was scored and how long the loop took, which began when the warm-up was over.

    `ended` is what the loop's clock said at its end; without it the loop ends now. `more` is what
    only clipstore's own script has to tell.
    """
    loop_seconds, loop_cpu_seconds = ended or loop.read()
    answer = {
        **(more or {}),
        "groups": [vars(group) for group in groups],
        "loop_seconds": loop_seconds,
        "loop_cpu_seconds": loop_cpu_seconds,
        "warm_up_seconds": loop.started - warm_up.started,
    }
    Path(sys.argv[2]).write_text(json.dumps(answer))
