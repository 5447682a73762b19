"""The pipeline: discovered pictures → panels → scores → spool → store.

Invariant: every file ends in exactly one state (scored, known, pending, refused, skipped) and the
states add up to the files seen. Reading goes on in other processes, writing and merging in other
threads; the main thread is in the model whenever there are pixels for a batch.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from clipstore.model.embedder import Embedder
from clipstore.pipeline.accounting import Account
from clipstore.pipeline.discover import Discovery
from clipstore.pipeline.ingestvalues import IngestOptions, IngestReport, Progress
from clipstore.pipeline.keeping import INTERRUPTED_WAIT_SECONDS, MERGE_WAIT_SECONDS, Keeper
from clipstore.pipeline.known import KnownFiles
from clipstore.pipeline.knownlogs import KnownLogs, load_known_logs
from clipstore.pipeline.logreading import LogKeeper, LogsReport
from clipstore.pipeline.pace import PaceMeter
from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.reading import ReadResult, ReadTask
from clipstore.pipeline.readpool import TASKS_PER_PROCESS, Reader, open_reader
from clipstore.pipeline.readworker import ReaderSetup
from clipstore.pipeline.runnames import with_unique_names
from clipstore.pipeline.scoring import BatchScorer, Task
from clipstore.pipeline.stopping import Stopped, StopSwitch
from clipstore.pipeline.timings import StageClock
from clipstore.pipeline.vectormemory import VectorMemory, stored_vectors
from clipstore.types import Picture, Problem, content_id

__all__ = ["IngestOptions", "IngestReport", "Progress", "ingest_discoveries"]

AHEAD_BYTES = 256 * 2**20
"""Prepared pixels that may wait for the model: 700 pictures of 336 x 336."""
FILES_PER_PROCESS = 32
"""A reading process takes a third of a second of processor time to start, as much as reading 30
pictures of 1024 x 1024: a job gets as many as its files are worth, and at least one."""
BASE_PICTURES_BYTES = 2**30
"""Decoded base pictures that all readers together may hold: 340 at 1024 x 1024."""
SECONDS_PER_PICTURE = 20.0
"""The largest picture that is read takes two; one that takes this long hangs."""
MEMORY_PER_PICTURE_BYTES = 2**31
"""Twice what the largest picture that is read needs."""
_POLL_S = 0.1


def ingest_discoveries(
    discoveries: Sequence[Discovery],
    store: Path,
    embedder: Embedder,
    options: IngestOptions,
    *,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    on_log: Callable[[Path], None] = lambda _path: None,
    stop: StopSwitch | None = None,
) -> IngestReport:
    """Score what is new under `discoveries` and keep it in `store`.

    `on_progress` is called after every file, `on_log` before each log; `stop` is looked at between
    files and cuts the model short. A store that is locked, damaged or too new raises before
    anything is scored; one that is locked later only leaves the scores in the spool.
    """
    clock = StageClock()
    with Keeper(store, clock) as keeper:
        keeper.merge_all(wait_seconds=MERGE_WAIT_SECONDS)
        runs = [contents.run for found in discoveries for contents in found.runs]
        known = KnownFiles.load(store, embedder.model.model_id, [run.run_id for run in runs])
        discoveries = with_unique_names(discoveries, known.run_names)
        session = _Session(store, embedder, options, known, keeper, clock, stop or StopSwitch())
        if options.read_logs:
            known_logs = load_known_logs(store, runs)
            discoveries = session.read_logs(discoveries, known_logs, on_log)
        tasks = session.account_for(discoveries)
        session.score(tasks, on_progress)
        return session.close(discoveries)


class _Session:
    """One ingest's working state."""

    def __init__(
        self,
        store: Path,
        embedder: Embedder,
        options: IngestOptions,
        known: KnownFiles,
        keeper: Keeper,
        clock: StageClock,
        stop: StopSwitch,
    ) -> None:
        self._embedder = embedder
        self._options = options
        self._known = known
        self._keeper = keeper
        self._clock = clock
        self._stop = stop
        self._started_at = datetime.now(UTC)
        ingest_id = content_id(self._started_at.isoformat(), str(os.getpid()))
        self._rows = PartRows(ingest_id, embedder.model, options.keep_embeddings)
        self._account = Account(self._rows)
        model_id, reading = embedder.model.model_id, keeper.reading
        self._memory = VectorMemory(
            known.crop_ids, stored_vectors(store, model_id, reading, "vectors_of_crops")
        )
        texts = VectorMemory(
            known.text_ids, stored_vectors(store, model_id, reading, "vectors_of_texts")
        )
        self._scorer = BatchScorer(embedder, self._rows, self._memory, texts, self._in_model)
        self._base_crops: dict[tuple[int, str], int] = {}
        """crop_id of the latest base panel by run_id and prompt_id: the next one will be it."""
        self._n_total = 0
        self._timings = clock.timings()
        self._logs = LogsReport()

    def read_logs(
        self,
        discoveries: Sequence[Discovery],
        known: KnownLogs,
        on_log: Callable[[Path], None],
    ) -> tuple[Discovery, ...]:
        """Keep what is new in the runs' logs."""
        keep = partial(self._keeper.keep, self._rows)
        logs = LogKeeper(known, self._rows, keep, on_log, self._stop)
        read = tuple(map(logs.read, discoveries))
        self._logs = logs.report
        return read

    def account_for(self, discoveries: Sequence[Discovery]) -> list[tuple[Picture, Task]]:
        """Store what the scores refer to and count what needs no reading; return the pictures that
        do, in order."""
        self._rows.add_model()
        self._n_total = sum(found.seen_files for found in discoveries)
        tasks = []
        for found in discoveries:
            for problem in found.problems:
                self._account.add_problem(None, problem)
            for contents in found.runs:
                self._rows.add_run(contents.run, contents.prompts)
                for problem in contents.problems:
                    self._account.add_problem(contents.run, problem)
                # One for all pictures of a prompt: a job can list a million.
                shared = {p.prompt_id: Task(contents.run, p) for p in contents.prompts}
                for picture in self._account.without_duplicates(contents.run, contents.pictures):
                    if not self._options.rescore and self._known.has_file(contents.run, picture):
                        self._account.add_known()
                    else:
                        tasks.append((picture, shared[picture.prompt_id]))
                self._account.add_skipped(contents.skipped)
            self._account.add_skipped(found.skipped)
        return tasks

    def score(
        self, tasks: Sequence[tuple[Picture, Task]], on_progress: Callable[[Progress], None]
    ) -> None:
        """Score in order until all is done, the limit is reached or a stop is asked for."""
        if not tasks:
            return
        setup = ReaderSetup(
            pixel_path=self._embedder.preprocessing,
            base_pictures_bytes=BASE_PICTURES_BYTES // max(1, self._options.workers),
            seconds_per_picture=SECONDS_PER_PICTURE,
            memory_bytes=MEMORY_PER_PICTURE_BYTES,
        )
        n_worth = -(-min(len(tasks), self._options.limit or len(tasks)) // FILES_PER_PROCESS)
        self._clock.start(n_readers=min(self._options.workers, n_worth))
        meter = PaceMeter()
        before = self._account.tally
        try:
            with open_reader(self._clock.n_readers, setup) as reader:
                for _ in self._score_from(reader, deque(tasks)):
                    tally = self._account.tally
                    n_done = sum(vars(tally).values()) - sum(vars(before).values())
                    n_to_read = len(tasks)
                    if self._options.limit is not None:
                        n_to_read = min(n_to_read, n_done + self._options.limit - tally.scored)
                    pace = meter.measure(self._clock.timings(), n_done, n_to_read - n_done)
                    on_progress(Progress(tally, self._n_total, n_done, n_to_read, pace))
        except Stopped:
            pass
        self._timings = self._clock.timings()

    def close(self, discoveries: Sequence[Discovery]) -> IngestReport:
        """Write the account, merge."""
        tally = self._account.tally
        self._rows.add_ingest(
            ", ".join(str(found.root) for found in discoveries),
            self._started_at,
            {"n_seen": tally.seen, **{f"n_{state}": n for state, n in vars(tally).items()}},
            self._account.skipped_by_rule,
        )
        self._keeper.keep(self._rows)
        wait_seconds = INTERRUPTED_WAIT_SECONDS if self._stop.is_set else MERGE_WAIT_SECONDS
        return IngestReport(
            tally=tally,
            n_scores=self._scorer.n_scores,
            n_embedded=self._scorer.n_embedded,
            problems=tuple(self._account.problems),
            skipped_by_rule=tuple(sorted(self._account.skipped_by_rule.items())),
            merge=self._keeper.merge_all(wait_seconds=wait_seconds),
            interrupted=self._stop.is_set,
            n_left=self._n_total - tally.seen,
            timings=self._timings,
            logs=self._logs,
        )

    def _score_from(self, reader: Reader, upcoming: deque[tuple[Picture, Task]]) -> Iterator[None]:
        """Yields after every file that was read, and while waiting for one."""
        ahead: deque[Task] = deque()
        while not self._stop.is_set:
            while upcoming and self._may_read_ahead(reader, len(ahead)):
                ahead.append(self._submit(reader, *upcoming.popleft()))
            if not ahead:
                if not self._scorer.n_queued:
                    return
                # The last files, or the limit's: less than a batch is left.
                self._score_batch(ahead)
            else:
                with self._clock.main("pixels"):
                    result = reader.take(_POLL_S)
                if result is not None:
                    self._take(ahead.popleft(), result)
                if self._scorer.is_full:
                    self._score_batch(ahead)
            yield

    def _may_read_ahead(self, reader: Reader, n_ahead: int) -> bool:
        limit = self._options.limit
        n_open = n_ahead + self._scorer.n_queued
        if limit is not None and self._account.tally.scored + n_open >= limit:
            return False
        window = 2 * self._embedder.batch_size + TASKS_PER_PROCESS * reader.n_processes + 1
        return n_ahead < window and (reader.bytes_ready < AHEAD_BYTES or n_ahead == 0)

    def _submit(self, reader: Reader, picture: Picture, task: Task) -> Task:
        known_sha256 = None if self._options.rescore else self._known.content(task.run, picture)
        base = self._base_crops.get((task.run.run_id, task.prompt.prompt_id))
        vector = None if base is None else self._memory.recent(base)
        if base is not None and vector is not None:
            task = replace(task, vectors={base: vector})
        reader.submit(ReadTask(picture, known_sha256, frozenset(task.vectors)))
        return task

    def _take(self, task: Task, result: ReadResult) -> None:
        self._clock.add_reading(result.times)
        if result.outcome is None:
            self._account.add_known()
        elif isinstance(result.outcome, Problem):
            self._account.add_problem(task.run, result.outcome)
        else:
            for panel in result.outcome.panels:
                if panel.panel == "base":
                    self._base_crops[task.run.run_id, task.prompt.prompt_id] = panel.crop_id
            self._scorer.add(task, result.outcome)

    def _score_batch(self, ahead: Iterable[Task]) -> None:
        result = self._scorer.score([task.prompt for task in ahead])
        self._account.add_scored(result.n_files)
        for run, problem in result.problems:
            self._account.add_problem(run, problem)
        self._keeper.keep(self._rows)

    @contextmanager
    def _in_model(self) -> Iterator[None]:
        with self._clock.main("model"), self._stop.abortable():
            yield
