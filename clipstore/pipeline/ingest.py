"""The pipeline: discovered pictures → panels → scores → spool → store.

Invariant: every file ends in exactly one state (scored, known, pending, refused, skipped) and the
states add up to the files seen. The database is opened only to read what is known and to merge.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clipstore.model.embedder import Embedder
from clipstore.pictures.panels import PanelReader
from clipstore.pipeline.discover import Discovery
from clipstore.pipeline.known import KnownFiles
from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.runnames import with_unique_names
from clipstore.pipeline.scoring import BatchScorer, ReadPicture, Task
from clipstore.storage.store import MergeReport, merge_parts
from clipstore.types import Picture, Problem, Run, content_id

MERGE_EVERY_SECONDS = 5.0
"""How long scores wait in the spool before a merge is tried; a merge locks for a moment only."""
MERGE_WAIT_SECONDS = 10.0
"""How long the first and the last merge wait for another program to let go of the database."""


@dataclass(frozen=True)
class Tally:
    """How many files ended in which state."""

    scored: int = 0
    known: int = 0
    pending: int = 0
    refused: int = 0
    skipped: int = 0

    @property
    def seen(self) -> int:
        return self.scored + self.known + self.pending + self.refused + self.skipped

    def to_sentence(self) -> str:
        return (
            f"{self.seen:,} files seen = {self.scored:,} scored + {self.known:,} known + "
            f"{self.pending:,} pending + {self.refused:,} refused + {self.skipped:,} skipped"
        )


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did."""

    tally: Tally
    n_scores: int
    """Rows written: one per panel."""
    n_embedded: int
    """Pictures that went through the model; the base panel of all steps goes once."""
    problems: tuple[Problem, ...]
    skipped_by_rule: tuple[tuple[str, int], ...]
    merge: MergeReport
    interrupted: bool
    n_left: int
    """Files left for the next ingest by an interruption or a limit."""


@dataclass(frozen=True)
class IngestOptions:
    """How to run; nothing here changes a score."""

    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads that read, decode and cut."""
    limit: int | None = None
    """Stop after this many files were scored."""
    keep_embeddings: bool = True
    rescore: bool = False
    """Score known files again, with the prompts of today."""


def ingest_discoveries(
    discoveries: Sequence[Discovery],
    store: Path,
    embedder: Embedder,
    options: IngestOptions,
    *,
    on_progress: Callable[[Tally, int], None] = lambda _tally, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> IngestReport:
    """Score what is new under `discoveries` and keep it in `store`.

    `on_progress` gets the tally so far and the number of files in all; `should_stop` is asked
    between files. A store that is locked, damaged or too new raises before anything is scored;
    one that is locked later only leaves the scores in the spool.
    """
    started_at = datetime.now(UTC)
    merge_parts(store, wait_seconds=MERGE_WAIT_SECONDS)
    run_ids = [contents.run.run_id for found in discoveries for contents in found.runs]
    known = KnownFiles.load(store, embedder.model.model_id, run_ids)
    discoveries = with_unique_names(discoveries, known.run_names)
    session = _Session(store, embedder, options, known, started_at)
    session.describe(discoveries)
    tasks = session.account(discoveries)
    total = sum(found.seen_files for found in discoveries)
    interrupted = False
    for tally in session.score(tasks):
        on_progress(tally, total)
        interrupted = should_stop()
        if interrupted or (options.limit is not None and tally.scored >= options.limit):
            break
    return session.close(discoveries, interrupted=interrupted, total=total)


class _Session:
    """One ingest's working state: who is counted as what, and the batch that is open."""

    def __init__(
        self,
        store: Path,
        embedder: Embedder,
        options: IngestOptions,
        known: KnownFiles,
        started_at: datetime,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._options = options
        self._known = known
        self._started_at = started_at
        ingest_id = content_id(started_at.isoformat(), str(os.getpid()))
        self._rows = PartRows(ingest_id, embedder.model, options.keep_embeddings)
        self._scorer = BatchScorer(store, embedder, self._rows, known.base_vectors)
        self._reader = PanelReader()
        self._counts: Counter[str] = Counter()
        self._skipped_by_rule: Counter[str] = Counter()
        self._problems: list[Problem] = []
        self._last_merge = time.monotonic()

    def describe(self, discoveries: Sequence[Discovery]) -> None:
        """What the scores refer to: model, runs, prompts."""
        self._rows.add_model()
        for found in discoveries:
            for contents in found.runs:
                self._rows.add_run(contents.run, contents.prompts)

    def account(self, discoveries: Sequence[Discovery]) -> list[tuple[Picture, Task]]:
        """Count what needs no reading; return the pictures that do, in order."""
        tasks = []
        for found in discoveries:
            for problem in found.problems:
                self._add_problem(None, problem)
            for contents in found.runs:
                for problem in contents.problems:
                    self._add_problem(contents.run, problem)
                prompts = {prompt.prompt_id: prompt for prompt in contents.prompts}
                for picture in self._without_duplicates(contents.run, contents.pictures):
                    if not self._options.rescore and self._known.has_file(contents.run, picture):
                        self._counts["known"] += 1
                    else:
                        task = Task(contents.run, prompts[picture.prompt_id])
                        tasks.append((picture, task))
            for skipped in (*found.skipped, *(s for run in found.runs for s in run.skipped)):
                self._counts["skipped"] += 1
                self._skipped_by_rule[skipped.rule] += 1
        return tasks

    def score(self, tasks: Sequence[tuple[Picture, Task]]) -> Iterator[Tally]:
        """Score in order, reading ahead in threads; yields the tally after every file."""
        with ThreadPoolExecutor(self._options.workers, thread_name_prefix="read") as pool:
            window = 2 * self._options.workers + self._embedder.batch_size
            ahead: deque[tuple[Task, Future[ReadPicture | Problem | None]]] = deque()
            upcoming = iter(tasks)
            try:
                while True:
                    while len(ahead) < window and (item := next(upcoming, None)) is not None:
                        ahead.append((item[1], pool.submit(self._read, *item)))
                    if not ahead:
                        return
                    task, future = ahead.popleft()
                    self._take(task, future.result())
                    yield Tally(**self._counts)
            finally:
                for _, future in ahead:
                    future.cancel()

    def close(
        self, discoveries: Sequence[Discovery], *, interrupted: bool, total: int
    ) -> IngestReport:
        """Score the last batch, write the account, merge."""
        self._count_unscored(self._scorer.flush())
        tally = Tally(**self._counts)
        self._rows.add_ingest(
            ", ".join(str(found.root) for found in discoveries),
            self._started_at,
            {"n_seen": tally.seen, **{f"n_{state}": n for state, n in vars(tally).items()}},
            self._skipped_by_rule,
        )
        self._rows.write(self._store)
        return IngestReport(
            tally=tally,
            n_scores=self._scorer.n_scores,
            n_embedded=self._scorer.n_embedded,
            problems=tuple(self._problems),
            skipped_by_rule=tuple(sorted(self._skipped_by_rule.items())),
            merge=merge_parts(self._store, wait_seconds=MERGE_WAIT_SECONDS),
            interrupted=interrupted,
            n_left=total - tally.seen,
        )

    def _read(self, picture: Picture, task: Task) -> ReadPicture | Problem | None:
        """In a worker thread: pixels, and model input for new crops. None: the file is known."""
        cut = self._reader.read(picture, now_ns=time.time_ns())
        if isinstance(cut, Problem):
            return cut
        if not self._options.rescore and self._known.has_content(task.run, picture, cut.raw.sha256):
            return None
        try:
            prepared = {
                panel.crop_id: self._embedder.preprocessing.prepare(panel.rgb)
                for panel in cut.panels
                if self._scorer.needs_model(panel.crop_id)
            }
        except ValueError as error:
            return Problem(picture.path, "score", "shape", f"the model cannot take it: {error}.")
        return ReadPicture(task, cut, prepared)

    def _take(self, task: Task, result: ReadPicture | Problem | None) -> None:
        if result is None:
            self._counts["known"] += 1
        elif isinstance(result, Problem):
            self._add_problem(task.run, result)
        else:
            self._counts["scored"] += 1
            self._count_unscored(self._scorer.add(result))
            if time.monotonic() - self._last_merge > MERGE_EVERY_SECONDS:
                merge_parts(self._store, wait_seconds=0.0)
                self._last_merge = time.monotonic()

    def _without_duplicates(self, run: Run, pictures: Sequence[Picture]) -> Iterator[Picture]:
        first_of: dict[tuple[int, str, int, str], Path] = {}
        for picture in pictures:
            key = (picture.step, picture.prompt_id, picture.image_index, picture.panel)
            first = first_of.setdefault(key, picture.path)
            if first == picture.path:
                yield picture
            else:
                detail = f"same step, prompt and index as {first.name}; rename or remove one."
                self._add_problem(run, Problem(picture.path, "name", "duplicate", detail))

    def _count_unscored(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self._counts["scored"] -= 1
            self._add_problem(None, problem)

    def _add_problem(self, run: Run | None, problem: Problem) -> None:
        self._counts["pending" if problem.pending else "refused"] += 1
        self._problems.append(problem)
        self._rows.add_problem(run, problem)
