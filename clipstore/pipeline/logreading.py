"""The runs' logs into the store: scalars, settings, and the list of pictures in them.

Invariant: what was read of a log and how far that is go into one part together, so that after a
crash the next ingest goes on without a gap; and a log that cannot be read stops no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from clipstore.logged import KnownPicture, LogPosition
from clipstore.pipeline.findlogs import RunLog
from clipstore.pipeline.knownlogs import (
    KnownLog,
    KnownLogs,
    is_same_log,
    read_log_head,
)
from clipstore.pipeline.logrows import log_to_frame, pictures_to_frame, scalars_to_frame
from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.runpaths import path_in_run
from clipstore.pipeline.stopping import StopSwitch
from clipstore.sources.trainerconfig import clean_settings

SCALARS_PER_PART = 500_000
"""Bounds memory: 100 MB of rows."""
DAMAGE_SHOWN = 3


@dataclass(frozen=True)
class LogsReport:
    """What became of the logs."""

    n_files: int = 0
    n_scalars: int = 0
    """Read by this ingest."""
    n_pictures: int = 0
    """Found in logs by this ingest, copies of files among them."""
    notes: tuple[str, ...] = ()
    """One sentence per log that is damaged or not read."""


class LogKeeper:
    """Reads the logs of one ingest."""

    def __init__(
        self,
        known: KnownLogs,
        rows: PartRows,
        write_part: Callable[[], None],
        on_log: Callable[[Path], None],
        stop: StopSwitch,
    ) -> None:
        """`write_part` writes what `rows` holds; `on_log` hears of each log before it is read.

        Once `stop` is set a log is read no further.
        """
        self._known = known
        self._on_log = on_log
        self._stop = stop
        self._rows = rows
        self._write_part = write_part
        self._n_waiting = 0
        self._report = LogsReport()

    @property
    def report(self) -> LogsReport:
        return self._report

    def read(self, log: RunLog) -> list[KnownPicture]:
        """Keep what is new in a log; returns the pictures among it. Raises `Unreadable`."""
        self._on_log(log.path)
        pictures: list[KnownPicture] = []
        path = path_in_run(log.path, log.run)
        known = self._known.logs.get((log.run.run_id, path))
        if known is None or not is_same_log(log.path, known):
            known = KnownLog(LogPosition(), read_log_head(log.path, log.format.HEAD_BYTES))
        before, is_continued = known, known.position.offset > 0
        settings: dict[str, object] = {}
        for chunk in log.format.read(log.path, known.position):
            frame = scalars_to_frame(log.run, log.format.NAME, path, chunk.scalars)
            found = [KnownPicture(log.format.NAME, path, one) for one in chunk.pictures]
            self._rows.add_frame("scalars", frame)
            self._rows.add_frame("logged_pictures", pictures_to_frame(log.run, found))
            pictures += found
            settings |= chunk.settings
            known = replace(
                known,
                position=chunk.position,
                n_scalars=known.n_scalars + len(chunk.scalars),
                n_pictures=known.n_pictures + len(found),
                n_damaged=known.n_damaged + len(chunk.damage),
                detail=known.detail or "; ".join(chunk.damage[:DAMAGE_SHOWN]),
            )
            self._n_waiting += len(chunk.scalars)
            if self._n_waiting > SCALARS_PER_PART:
                self._rows.add_frame(
                    "log_files", log_to_frame(log.run, log.format.NAME, path, known)
                )
                self._flush()
            if self._stop.is_set:
                break
        if settings and is_continued:
            # A source says all of its settings at once: what it said before counts too.
            settings = _all_settings(log)
        if settings:
            self._rows.add_settings(log.run, path, clean_settings(settings))
        if known != before or not is_continued:
            self._rows.add_frame("log_files", log_to_frame(log.run, log.format.NAME, path, known))
        self._count(log, before, known)
        return pictures

    def _flush(self) -> None:
        self._write_part()
        self._n_waiting = 0

    def _count(self, log: RunLog, before: KnownLog, known: KnownLog) -> None:
        notes = self._report.notes
        if known.n_damaged:
            notes += (f"{log.run.name}: {path_in_run(log.path, log.run)}: {known.detail}",)
        self._report = LogsReport(
            self._report.n_files + 1,
            self._report.n_scalars + known.n_scalars - before.n_scalars,
            self._report.n_pictures + known.n_pictures - before.n_pictures,
            notes,
        )


def _all_settings(log: RunLog) -> dict[str, object]:
    settings: dict[str, object] = {}
    for chunk in log.format.read(log.path, LogPosition()):
        settings |= chunk.settings
    return settings
