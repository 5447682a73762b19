"""Heats: one model, one kind of file, all contestants after each other, some rounds of it.

Invariant: within a heat all score the same files (slow ones the first few of them), in
alternating order, and each answer's cosines are compared with the reference's.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scorer_parts.ceilings import Ceilings
from benchmarks.scorer_parts.contestants import CONTESTANTS, OURS, REFERENCE, Contestant
from benchmarks.scorer_parts.environments import find_python
from benchmarks.scorer_parts.models import Checkpoint
from benchmarks.scorer_parts.ours import SteadyState
from benchmarks.scorer_parts.picturesets import PictureSet, warm_page_cache
from benchmarks.scorer_parts.process import Failed, Finished, run_process
from benchmarks.scorer_parts.runs import Workplace, measure_ceilings, run_command, write_job
from clipstore.pipeline.timings import IngestTimings

AS_THE_COMMAND_DOES = {"OMP_WAIT_POLICY": "PASSIVE"}
"""What `clipstore ingest` sets before torch is imported, and the loop alone would go without."""


@dataclass(frozen=True)
class Row:
    """One contestant's figures of one heat; medians over rounds."""

    name: str
    asked: str
    """The precision that was asked for, or "default"."""
    precision: str
    """That it ran in."""
    pictures: int
    per_second: float
    """Of the loop: files to cosines."""
    lowest_per_second: float
    highest_per_second: float
    whole_seconds: float
    """The process from start to end, without the warm-up batch."""
    cpu_seconds_per_picture: float
    """Of the loop, over all its processes."""
    peak_bytes: int | None
    largest_error: float | None
    """|Δcosine| to the reference; None when there is no reference in this heat."""
    pictures_per_group: int
    """1: the error is a picture's; more: that of means over so many."""


@dataclass(frozen=True)
class Absent:
    """A contestant that has no figures, and why."""

    name: str
    precision: str
    why: str


@dataclass(frozen=True)
class OwnFigures:
    """What clipstore tells of its own loop."""

    steady_per_second: float | None
    """Pictures through the model per second between its first and its last call; None with too
    few calls."""
    model_share: float | None
    """Of that time."""
    dtype: str
    batch_size: int
    files: int
    timings: IngestTimings
    """Of the whole loop."""


@dataclass(frozen=True)
class Heat:
    """All that was measured of one model and kind of file."""

    checkpoint: Checkpoint
    pictures: PictureSet
    rounds: int
    rows: tuple[Row, ...]
    absent: tuple[Absent, ...]
    own: OwnFigures | None
    command: Finished | Failed
    """The whole `clipstore ingest` as a user starts it."""
    ceilings: Ceilings | None


@dataclass(frozen=True)
class _Answer:
    """One run of one contestant."""

    cosines: dict[tuple[int, ...], float]
    loop_seconds: float
    loop_cpu_seconds: float
    whole_seconds: float
    peak_bytes: int | None
    raw: dict[str, Any]
    """The answer as it was written, without its groups."""

    @property
    def pictures(self) -> int:
        return sum(map(len, self.cosines))


def run_heat(
    checkpoint: Checkpoint,
    pictures: PictureSet,
    place: Workplace,
    *,
    backwards: bool = False,
    with_ceilings: bool = True,
) -> Heat:
    """Run everyone on `pictures`; `backwards` begins with the last contestant."""
    warm_page_cache(pictures)
    entrants: list[tuple[Contestant, str]] = list(_entrants(place))
    answers: dict[tuple[str, str], list[_Answer]] = {}
    absent: dict[tuple[str, str], Absent] = {}
    for turn in range(place.rounds):
        for contestant, precision in entrants[::-1] if turn % 2 != backwards else entrants:
            key = (contestant.name, precision)
            if key in absent:
                continue
            outcome = _run(contestant, precision, checkpoint, pictures, place)
            if isinstance(outcome, Failed):
                absent[key] = Absent(*key, outcome.why)
                answers.pop(key, None)
            else:
                answers.setdefault(key, []).append(outcome)
    reference = answers.get((REFERENCE, "fp32"), [None])[0]
    ours = answers.get((OURS, "default"), [None])[-1]
    return Heat(
        checkpoint,
        pictures,
        place.rounds,
        tuple(_row(*key, found, reference) for key, found in answers.items()),
        (*absent.values(), *_not_asked_for(place)),
        None if ours is None else _own_figures(ours),
        run_command(checkpoint, pictures, place),
        measure_ceilings(checkpoint, pictures, place) if with_ceilings else None,
    )


def _entrants(place: Workplace) -> Iterator[tuple[Contestant, str]]:
    for contestant in CONTESTANTS:
        if contestant.name == OURS or contestant.name in place.peers:
            for precision in contestant.on_cpu if place.device == "cpu" else contestant.on_gpu:
                yield contestant, precision


def _not_asked_for(place: Workplace) -> Iterator[Absent]:
    for contestant in CONTESTANTS:
        if contestant.name != OURS and contestant.name not in place.peers:
            yield Absent(contestant.name, "", "not asked for (--peers)")


def _run(
    contestant: Contestant,
    precision: str,
    checkpoint: Checkpoint,
    pictures: PictureSet,
    place: Workplace,
) -> _Answer | Failed:
    python = find_python(contestant.environment, place.environments)
    if python is None:
        return Failed("not installed (--make-environments makes its environment)")
    if pictures.format.is_composite and not contestant.cuts_panels:
        return Failed("reads whole files only, so it cannot score a panel")
    sys.stderr.write(f"  {contestant.name} ({precision})\n")
    count = max(1, round(len(pictures.entries) * contestant.share))
    batch = place.batch_size(checkpoint.architecture)
    batch = min(batch, contestant.largest_batch or batch)
    job = write_job(checkpoint, pictures, place, count=count, batch=batch, precision=precision)
    answer = place.folder / "answer.json"
    answer.unlink(missing_ok=True)
    finished = run_process(
        contestant.command(python, job, answer),
        log=place.folder / "last-run.log",
        environment=AS_THE_COMMAND_DOES if contestant.name == OURS else None,
    )
    return finished if isinstance(finished, Failed) else _read_answer(answer, finished)


def _read_answer(path: Path, finished: Finished) -> _Answer:
    raw = json.loads(path.read_text())
    return _Answer(
        cosines={tuple(group["numbers"]): group["cosine"] for group in raw.pop("groups")},
        loop_seconds=raw["loop_seconds"],
        loop_cpu_seconds=raw["loop_cpu_seconds"],
        whole_seconds=finished.wall_seconds - raw["warm_up_seconds"],
        peak_bytes=finished.peak_bytes,
        raw=raw,
    )


def _row(name: str, precision: str, answers: Sequence[_Answer], reference: _Answer | None) -> Row:
    rates = [answer.pictures / answer.loop_seconds for answer in answers]

    def median(value: Callable[[_Answer], float]) -> float:
        return statistics.median(map(value, answers))

    peaks = [answer.peak_bytes for answer in answers if answer.peak_bytes is not None]
    return Row(
        name=name,
        asked=precision,
        precision=str(answers[0].raw.get("dtype", precision)),
        pictures=answers[0].pictures,
        per_second=statistics.median(rates),
        lowest_per_second=min(rates),
        highest_per_second=max(rates),
        whole_seconds=median(lambda answer: answer.whole_seconds),
        cpu_seconds_per_picture=median(lambda answer: answer.loop_cpu_seconds / answer.pictures),
        peak_bytes=max(peaks, default=None),
        largest_error=None if reference is None else _largest_error(answers[0], reference),
        pictures_per_group=max(map(len, answers[0].cosines)),
    )


def _largest_error(answer: _Answer, reference: _Answer) -> float:
    errors = []
    for numbers, cosine in answer.cosines.items():
        true = statistics.fmean(reference.cosines[(number,)] for number in numbers)
        errors.append(abs(cosine - true))
    return max(errors)


def _own_figures(answer: _Answer) -> OwnFigures:
    raw = answer.raw
    steady = None if raw["steady"] is None else SteadyState(**raw["steady"])
    return OwnFigures(
        steady_per_second=None if steady is None else steady.pictures / steady.seconds,
        model_share=None if steady is None else steady.model_seconds / steady.seconds,
        dtype=raw["dtype"],
        batch_size=raw["batch_size"],
        files=answer.pictures,
        timings=IngestTimings(**raw["timings"]),
    )
