"""The progress bar of an ingest: rate and time left on a terminal, nothing when piped."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from clipstore.pipeline.ingest import Tally


class IngestProgress:
    """Shows a tally as it grows. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("scoring"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, rate="")

    def __enter__(self) -> IngestProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, tally: Tally, total: int) -> None:
        """`total` files in all; known and skipped ones are not part of the bar's work."""
        to_score = total - tally.known - tally.skipped
        done = tally.scored + tally.refused + tally.pending
        speed = self._bar.tasks[0].speed
        rate = "" if speed is None else f"{speed:.1f} pictures/s"
        self._bar.update(self._task, completed=done, total=to_score, rate=rate)
