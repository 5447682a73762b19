"""Scores to the disk and into the database, beside the model's work.

Invariant: a batch's part is on the disk before the batch after the next goes to the model, so a
kill costs two batches at most; merging waits for nobody and nobody waits for it, but for reads of
the same file. What goes wrong in here is raised in the main thread, at the next batch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.timings import StageClock
from clipstore.storage.store import MergeReport, merge_parts

MERGE_EVERY_SECONDS = 5.0
"""How long scores wait in the spool before a merge is tried."""
MERGE_WAIT_SECONDS = 10.0
"""How long the first and the last merge wait for another program to let go of the database."""
INTERRUPTED_WAIT_SECONDS = 1.0
"""The same after Ctrl-C: the next command brings in what stays in the spool."""


class Keeper:
    """Writes parts and merges them, each in a thread of its own. A context manager."""

    def __init__(self, store: Path, clock: StageClock) -> None:
        self._store = store
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._merger = ThreadPoolExecutor(1, thread_name_prefix="merge")
        self._writing: Future[None] | None = None
        self._merging: Future[MergeReport] | None = None
        self._quarantined: tuple[Path, ...] = ()
        self._last_merge = time.monotonic()
        self._database = threading.Lock()

    def __enter__(self) -> Keeper:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.shutdown()
        self._merger.shutdown()

    def keep(self, rows: PartRows) -> None:
        """Write what `rows` holds as one part and start the next one there."""
        with self._clock.main("disk"):
            self._finish_writing()
        write = rows.take()
        self._writing = self._writer.submit(self._write, write)
        if time.monotonic() - self._last_merge > MERGE_EVERY_SECONDS:
            self._start_merge()

    def merge_all(self, *, wait_seconds: float) -> MergeReport:
        """Write what is left, merge all parts, and say what all merges put aside."""
        self._finish_writing()
        self._finish_merging()
        report = self._merge(wait_seconds)
        self._quarantined += report.quarantined
        return replace(report, quarantined=self._quarantined)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep merges away from the database file: DuckDB lets one process open it in one way."""
        with self._database:
            yield

    def _write(self, write: Callable[[Path], None]) -> None:
        with self._clock.beside("write"):
            write(self._store)

    def _start_merge(self) -> None:
        if self._merging is not None and not self._merging.done():
            return
        self._finish_merging()
        self._merging = self._merger.submit(self._merge, 0.0)
        self._last_merge = time.monotonic()

    def _merge(self, wait_seconds: float) -> MergeReport:
        with self._clock.beside("merge"), self._database:
            return merge_parts(self._store, wait_seconds=wait_seconds)

    def _finish_writing(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _finish_merging(self) -> None:
        if self._merging is not None:
            self._quarantined += self._merging.result().quarantined
            self._merging = None
