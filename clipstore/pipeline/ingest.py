"""The pipeline: runs in turn → pictures → panels → scores → spool → store.

Invariant: every file ends in exactly one state (scored, known, pending, refused, skipped) and the
states add up to the files seen. Reading goes on in other processes, writing and merging in other
threads; the main thread is in the model whenever there are pixels for a batch. Batches go across
the ends of runs, and of all that is listed no more than one folder's runs are held.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path

from clipstore.model.embedder import Embedder
from clipstore.pipeline.accounting import Account
from clipstore.pipeline.expected import Expected
from clipstore.pipeline.ingestvalues import IngestOptions, IngestReport, Progress
from clipstore.pipeline.inturn import RunsInTurn
from clipstore.pipeline.keeping import INTERRUPTED_WAIT_SECONDS, MERGE_WAIT_SECONDS, Keeper
from clipstore.pipeline.known import KnownFiles
from clipstore.pipeline.knownlogs import NOTHING_KNOWN, KnownLogs, load_known_logs
from clipstore.pipeline.logreading import LogKeeper, LogsReport
from clipstore.pipeline.pace import PaceMeter
from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.readers import Reader, open_reader, reader_setup
from clipstore.pipeline.reading import ReadResult, ReadTask
from clipstore.pipeline.readpool import TASKS_PER_PROCESS
from clipstore.pipeline.runlogs import RunLogs
from clipstore.pipeline.scoring import BatchScorer, Task
from clipstore.pipeline.stopping import Stopped, StopSwitch
from clipstore.pipeline.survey import Survey
from clipstore.pipeline.timings import StageClock
from clipstore.pipeline.vectormemory import VectorMemory, stored_vectors
from clipstore.types import Picture, Problem, content_id

__all__ = ["IngestOptions", "IngestReport", "Progress", "ingest_surveyed"]

AHEAD_BYTES = 256 * 2**20
"""Prepared pixels that may wait for the model: 700 pictures of 336 x 336."""
FILES_PER_PROCESS = 32
"""A reading process takes a third of a second of processor time to start, as much as reading 30
pictures of 1024 x 1024: a job gets as many as its files are worth, and at least one."""
CALLS_HELD = 5
"""Calls of the model whose pixels may be in use: two in the model, one that is being filled, two
that were read ahead."""
_POLL_S = 0.1


def ingest_surveyed(
    surveys: Sequence[Survey],
    store: Path,
    embedder: Embedder,
    options: IngestOptions,
    *,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    on_log: Callable[[Path], None] = lambda _path: None,
    stop: StopSwitch | None = None,
) -> IngestReport:
    """Score what is new in the runs that were surveyed and keep it in `store`.

    `on_progress` is called after every batch that was scored and several times a second in between,
    `on_log` before each log; `stop` is looked at between files and cuts the model short. A store
    that is locked, damaged or too new raises before anything is scored; one that is locked later
    only leaves the scores in the spool. A picture that no longer fits the pattern of its survey
    raises `PatternMismatch` when its run is read.
    """
    clock = StageClock()
    with Keeper(store, clock) as keeper:
        keeper.merge_all(wait_seconds=MERGE_WAIT_SECONDS)
        run_ids = list({run.run_id: None for each in surveys for run in each.runs})
        known = KnownFiles.load(store, embedder.model.model_id, run_ids)
        known_logs = load_known_logs(store, run_ids) if options.read_logs else None
        session = _Session(store, embedder, options, known, keeper, clock, stop or StopSwitch())
        session.score(surveys, known_logs, on_progress, on_log)
        return session.close(surveys)


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
        self._n_left = 0
        self._timings = clock.timings()
        self._logs = LogsReport()

    def score(
        self,
        surveys: Sequence[Survey],
        known_logs: KnownLogs | None,
        on_progress: Callable[[Progress], None],
        on_log: Callable[[Path], None],
    ) -> None:
        """Account for all runs and score their pictures, in order, until all is done, the limit is
        reached or a stop is asked for. Without `known_logs` logs are not read."""
        self._rows.add_model()
        keep = partial(self._keeper.keep, self._rows)
        logs = LogKeeper(known_logs or NOTHING_KNOWN, self._rows, keep, on_log, self._stop)

        def logs_of(survey: Survey) -> RunLogs | None:
            if known_logs is None:
                return None
            return RunLogs(survey.outline, known_logs, logs, self._stop)

        expected = Expected(surveys, {} if self._options.rescore else self._known.n_by_run)
        runs = RunsInTurn(
            self._known,
            self._rows,
            self._account,
            expected,
            logs_of,
            self._stop,
            rescore=self._options.rescore,
        )
        tasks = runs.tasks(surveys)
        first = next(tasks, None)
        if first is not None:
            self._score_all(chain([first], tasks), expected, on_progress)
        deque(tasks, maxlen=0)  # after a stop or the limit: the rest is accounted for
        self._n_left = expected.n_files - self._account.tally.seen
        self._logs = logs.report

    def _score_all(
        self,
        tasks: Iterator[tuple[Picture, Task]],
        expected: Expected,
        on_progress: Callable[[Progress], None],
    ) -> None:
        setup = reader_setup(self._embedder.preprocessing, self._options.workers)
        self._clock.start(n_readers=self._n_readers(expected))
        meter = PaceMeter()
        n_done, n_scored, told_at = 0, 0, -math.inf
        try:
            n_held = CALLS_HELD * self._embedder.batch_size
            with open_reader(self._clock.n_readers, setup, n_held) as reader:
                for n_done in self._score_from(reader, tasks):
                    now = time.monotonic()
                    if self._account.n_scored != n_scored or now - told_at >= _POLL_S:
                        n_scored, told_at = self._account.n_scored, now
                        on_progress(self._progress(expected, n_done, meter))
                on_progress(self._progress(expected, n_done, meter))
        except Stopped:
            pass
        self._timings = self._clock.timings()

    def _progress(self, expected: Expected, n_done: int, meter: PaceMeter) -> Progress:
        """As of now."""
        tally, limit, n_to_read = self._account.tally, self._options.limit, expected.n_to_read
        if limit is not None:
            n_to_read = min(n_to_read, n_done + limit - tally.scored)
        return Progress(
            tally,
            expected.n_files,
            n_done,
            n_to_read,
            expected.n_runs_begun,
            expected.n_runs,
            meter.measure(self._clock.timings(), n_done, n_to_read - n_done),
        )

    def _n_readers(self, expected: Expected) -> int:
        if expected.may_grow:
            return self._options.workers
        n_files = min(expected.n_to_read, self._options.limit or expected.n_to_read)
        return min(self._options.workers, -(-n_files // FILES_PER_PROCESS))

    def close(self, surveys: Sequence[Survey]) -> IngestReport:
        """Write the account, merge."""
        tally = self._account.tally
        self._rows.add_ingest(
            ", ".join(str(each.outline.root) for each in surveys),
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
            n_left=self._n_left,
            timings=self._timings,
            logs=self._logs,
        )

    def _score_from(
        self, reader: Reader, upcoming: Iterator[tuple[Picture, Task]]
    ) -> Iterator[int]:
        """Yields how many files are done, after every one that was read and while waiting."""
        ahead: deque[Task] = deque()
        n_submitted = 0
        while not self._stop.is_set:
            while self._may_read_ahead(reader, len(ahead)):
                coming = next(upcoming, None)
                if coming is None:
                    break
                ahead.append(self._submit(reader, *coming))
                n_submitted += 1
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
            yield n_submitted - len(ahead) - self._scorer.n_queued

    def _may_read_ahead(self, reader: Reader, n_ahead: int) -> bool:
        limit = self._options.limit
        n_open = n_ahead + self._scorer.n_queued
        if limit is not None and self._account.n_scored + n_open >= limit:
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
