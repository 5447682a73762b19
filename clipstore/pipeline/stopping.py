"""Stopping early, without waiting for a slow model.

Invariant: a stop is asked for once and then stays; the pipeline looks between files. Only inside
`abortable`, around the model, does it come as an exception: a batch of a large model takes longer
on a CPU than a user waits, and dropping it loses nothing that was scored.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """Raised inside `StopSwitch.abortable`. Libraries let a KeyboardInterrupt through."""


class StopSwitch:
    """To be set from a signal handler, which runs in the main thread, or from any callback."""

    def __init__(self) -> None:
        self.is_set = False
        self._is_abortable = False

    def set(self) -> None:
        """Ask for a stop. Raises `Stopped` while the main thread is inside `abortable`."""
        self.is_set = True
        if self._is_abortable:
            self._is_abortable = False
            raise Stopped

    @contextmanager
    def abortable(self) -> Iterator[None]:
        """What runs in here may be cut short by `Stopped`."""
        self._is_abortable = True
        try:
            if self.is_set:
                raise Stopped
            yield
        finally:
            self._is_abortable = False


@contextmanager
def stop_on_signal(stop: StopSwitch) -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM sets `stop`, and the list gets its number. A second one kills."""
    received: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        stop.set()

    previous = {
        number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
