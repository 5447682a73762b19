"""The progress bar of an ingest: rate, time left and what bounds it, on a terminal only."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from clipstore.output import visible_text
from clipstore.pipeline.ingest import Progress


class IngestProgress:
    """Shows an ingest as it goes on. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("scoring{task.fields[run]}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, run="", pace="starting")

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

    def update_log(self, path: Path) -> None:
        """Called before each log."""
        self._bar.update(self._task, pace=f"reading the log {visible_text(path.name)}")

    def update(self, progress: Progress) -> None:
        """Called after every batch and several times a second."""
        self._bar.update(
            self._task,
            completed=progress.n_done,
            total=progress.n_to_read,
            run=run_to_text(progress),
            pace=pace_to_text(progress),
        )


def run_to_text(progress: Progress) -> str:
    """Such as " run 3 of 10", the run that is being handed to the readers; empty for one run."""
    if progress.n_runs == 1:
        return ""
    return f" run {progress.n_runs_begun} of {progress.n_runs}"


def pace_to_text(progress: Progress) -> str:
    """Such as "12.3 pictures/s, 4 min left, model-bound"; "starting" before the first batch."""
    pace = progress.pace
    if pace.files_per_s is None or pace.left_s is None:
        return "starting"
    return f"{pace.files_per_s:.3g} pictures/s, {_seconds_to_text(pace.left_s)} left, {pace.bound}"


def _seconds_to_text(seconds: float) -> str:
    """Two digits are more than an estimate is worth: 45 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
