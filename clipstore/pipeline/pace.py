"""How fast an ingest goes, how long it will take, and what bounds it right now.

Invariant: only files that are done count (through the model, or refused, or known), so that reading
ahead never looks like speed; before the first batch is done there is no rate. Pure: times come in.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from clipstore.pipeline.timings import IngestTimings

WINDOW_S = 30.0
"""The rate is that of the last so many seconds: long enough for slow batches, and it follows when
large pictures come after small ones."""


@dataclass(frozen=True)
class Pace:
    """Speed as of now; None while nothing is done yet."""

    files_per_s: float | None
    left_s: float | None
    bound: str
    """The stage that the main thread spent most of the last seconds on: "model-bound",
    "decode-bound: 2 workers" or "disk-bound"; empty before there is a rate."""


@dataclass(frozen=True)
class _Sample:
    at_s: float
    n_done: int
    model_s: float
    pixels_s: float
    disk_s: float


class PaceMeter:
    """Watches samples of one ingest."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque([_Sample(0.0, 0, 0.0, 0.0, 0.0)])

    def measure(self, timings: IngestTimings, n_done: int, n_left: int) -> Pace:
        """The pace when `n_done` files are done and `n_left` are not, at `timings.wall_s`."""
        if n_done > self._samples[-1].n_done:
            self._samples.append(
                _Sample(timings.wall_s, n_done, timings.model_s, timings.pixels_s, timings.disk_s)
            )
        while len(self._samples) > 2 and timings.wall_s - self._samples[1].at_s > WINDOW_S:
            self._samples.popleft()
        first, last = self._samples[0], self._samples[-1]
        if last.n_done == first.n_done:
            return Pace(None, None, "")
        rate = (last.n_done - first.n_done) / (last.at_s - first.at_s)
        since_last_s = timings.wall_s - last.at_s
        return Pace(rate, max(0.0, n_left / rate - since_last_s), _bound(first, last, timings))


def _bound(first: _Sample, last: _Sample, timings: IngestTimings) -> str:
    spent = {
        "model-bound": last.model_s - first.model_s,
        f"decode-bound: {max(1, timings.n_readers)} workers": last.pixels_s - first.pixels_s,
        "disk-bound": last.disk_s - first.disk_s,
    }
    return max(spent, key=lambda name: spent[name])
