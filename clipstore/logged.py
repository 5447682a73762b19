"""What trackers' logs say, as values: between the readers of log formats and the store.

Invariant: numbers are as they were logged; `scale` says what makes the plain unit of them. A
position is where a log can be read on from with nothing lost and nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

MAX_WALL_TIME_S = 253_402_300_799.0
"""The end of year 9999, after which no calendar goes."""


@dataclass(frozen=True)
class LogPosition:
    """How far a log was read."""

    offset: int = 0
    """A byte; of a database the time of its last step, in microseconds since 1970."""
    last_step: int | None = None
    """Step of the last scalar before that."""


@dataclass(frozen=True)
class Scalars:
    """Logged numbers as columns of one length."""

    tags: Sequence[str] = ()
    steps: Sequence[int] = ()
    wall_times_s: Sequence[float] = ()
    """Seconds since 1970; NaN where the log does not say."""
    values: Sequence[float] = ()
    """As logged, NaN and infinity too."""

    def __len__(self) -> int:
        return len(self.tags)


@dataclass(frozen=True)
class LoggedPicture:
    """One picture that a log holds or names."""

    path: Path
    """The file, or the address inside the log (`addresses`)."""
    tag: str
    step: int
    """As the log has it: of some trainers an epoch."""
    wall_time_s: float
    """Seconds since 1970; NaN where the log does not say."""
    item: int = 0
    """Which of the pictures logged together under this tag, from 0."""
    n_items: int = 1
    caption: str | None = None
    last_step: int | None = None
    """Step of the last scalar that was logged before it."""


@dataclass(frozen=True)
class KnownPicture:
    """A picture of a log, with where it was found."""

    source: str
    log: str
    """The log's path, relative to the root of the run."""
    picture: LoggedPicture


@dataclass(frozen=True)
class LogChunk:
    """A part of a log, in its order."""

    position: LogPosition
    """Where reading goes on after it."""
    scalars: Scalars = field(default_factory=Scalars)
    pictures: tuple[LoggedPicture, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    """Hyperparameters as JSON values."""
    damage: tuple[str, ...] = ()
    """One sentence for each place that was passed over."""


def tag_to_scale(tag: str) -> float:
    """What a logged value is divided by for the plain unit: SimpleTuner and torchmetrics log
    clip/mean and its like as 100 times the cosine."""
    return 100.0 if tag in ("clip/mean", "clip/min", "clip/max", "clip/std") else 1.0


def wall_time_to_datetime(seconds: float) -> datetime | None:
    """UTC; None for NaN and for times that no calendar has."""
    if not 0 <= seconds <= MAX_WALL_TIME_S:
        return None
    return datetime.fromtimestamp(seconds, UTC)
