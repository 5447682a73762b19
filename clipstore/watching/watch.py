"""Round after round, until it is told to stop.

Invariant: files are marked as dealt with only after the round that dealt with them, so that nothing
is lost by a round that could not score. Looking takes a tenth of one core at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clipstore.pipeline.stopping import StopSwitch
from clipstore.watching.lookout import Lookout
from clipstore.watching.rounds import Round, Rounds
from clipstore.watching.waking import Waker

LOOKS_SHARE = 10
"""A look is followed by a pause of so many times its own length."""

SHORTEST_WAIT_S = 0.05


@dataclass(frozen=True)
class Pace:
    """How often, in seconds."""

    look_s: float
    """From one look to the next where nothing is known to be new."""
    retry_s: float = 10.0
    """Until files come again that were half-written, or that a held database stood in the way
    of."""


def watch(
    rounds: Rounds,
    lookout: Lookout,
    waker: Waker,
    stop: StopSwitch,
    tell: Callable[[Round], None],
    pace: Pace,
) -> None:
    """Score everything first, then what is new, until `stop` is set. `tell` gets every round."""
    lookout.take_in()
    _score(rounds, lookout, None, tell, pace)
    while not stop.is_set:
        started = time.monotonic()
        files = lookout.look()
        took_s = time.monotonic() - started
        if files:
            _score(rounds, lookout, files, tell, pace)
        else:
            # What is being written is looked at again soon, whether or not the system notifies.
            soon_s = lookout.next_look_s
            wait_s = pace.look_s if soon_s is None else min(soon_s, pace.look_s)
            waker.wait(max(LOOKS_SHARE * took_s, wait_s, SHORTEST_WAIT_S))


def _score(
    rounds: Rounds,
    lookout: Lookout,
    files: Collection[Path] | None,
    tell: Callable[[Round], None],
    pace: Pace,
) -> None:
    done = rounds.score(files, datetime.now(UTC))
    if done.is_complete:
        lookout.done(files or ())
    elif files is None:
        lookout.forget()
    else:
        lookout.again(files, pace.retry_s)
    lookout.again(done.pending, pace.retry_s)
    tell(done)
