"""Waiting until something may have changed.

Invariant: a wait ends at the latest when it was told to, and soon after a stop is asked for; what
the operating system says can only end it sooner. The only module that imports watchfiles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from clipstore.watching.tree import is_watched

SLICE_S = 0.25
"""How soon a wait sees that it shall stop."""

Changes = Collection[tuple[object, str]]


class Waker:
    """Waits for the files below some folders."""

    def __init__(
        self, roots: Collection[Path], is_stopped: Callable[[], bool], *, poll: bool
    ) -> None:
        """`poll` only waits for the time to pass: for network file systems, which notify nobody of
        what other machines write."""
        self._is_stopped = is_stopped
        self._changes, self.why_polling = (None, "--poll") if poll else _open(roots)
        """Why nothing but time ends a wait; empty when the system notifies."""

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, at a change, or at a stop."""
        deadline = time.monotonic() + seconds
        while not self._is_stopped() and time.monotonic() < deadline:
            if self._changes is None:
                time.sleep(min(SLICE_S, max(0.0, deadline - time.monotonic())))
            elif self._next():
                return

    def close(self) -> None:
        """Let go of the system's notifications."""
        self._changes = None

    def _next(self) -> bool:
        assert self._changes is not None
        try:
            changes = next(self._changes)
        except (OSError, RuntimeError, StopIteration):
            # A root was removed, for example. From now on only time ends a wait.
            self._changes = None
            return False
        return bool(changes)


def _open(roots: Collection[Path]) -> tuple[Iterator[Changes] | None, str]:
    """Changes as they come, or why they cannot come."""
    try:
        from watchfiles import watch  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        return None, "watchfiles is not installed: pip install 'clipstore[watch]'"
    try:
        changes = watch(
            *roots,
            watch_filter=lambda _change, path: is_watched(path),
            debounce=int(SLICE_S * 1000),
            rust_timeout=int(SLICE_S * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        # Watching begins with the first call, and so do its failures: more folders than the
        # system's limit, for example.
        next(changes)
    except (OSError, RuntimeError, StopIteration) as error:
        return None, f"the system does not notify ({error})"
    return changes, ""
