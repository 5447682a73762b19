"""One round of watching: what is new is scored, judged, and what changed is said.

Invariant: between rounds nothing of the store is open, and within one only while it is read or
committed to. What may pass (a held database, a folder that is gone, a full disk) ends a round and
not the watching; the same files come with the next one. Scores that were written are judged, in
whatever later round the database lets it happen, and a verdict is compared with what was said last,
never with what another program has written meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from clipstore.analysis.tostore import renew_verdicts
from clipstore.errors import (
    DiskFull,
    LayoutConflict,
    NothingFound,
    OutputError,
    PathMissing,
    PatternMismatch,
    StoreLocked,
)
from clipstore.model.embedder import Embedder
from clipstore.pipeline.ingest import IngestOptions, IngestReport, ingest_surveyed
from clipstore.pipeline.stopping import StopSwitch
from clipstore.pipeline.survey import Survey
from clipstore.storage.spool import list_parts, spool_folder
from clipstore.storage.store import open_current

Find = Callable[[Path, Collection[Path] | None], Survey]
"""(root, files) to what is there; with files only the runs that they belong to."""
PASSING = (
    StoreLocked,
    NothingFound,
    PathMissing,
    LayoutConflict,
    PatternMismatch,
    DiskFull,
    OutputError,
)
"""Errors that a later round may not meet."""


@dataclass(frozen=True)
class VerdictChange:
    """What is said of a run now, and what was said before."""

    run: str
    model: str
    before: str | None
    """None for a run that was never judged."""
    verdict: str
    reason: str | None
    """Why to abandon; None unless the verdict is abandon."""
    sentence: str
    last_step: int | None
    level: float | None
    """Mean cosine at the end; None without one."""
    location: str
    plateau: str
    planned_steps: int | None


@dataclass(frozen=True)
class Round:
    """What a round did."""

    report: IngestReport | None
    """None when nothing could be scored, see `trouble`."""
    changes: tuple[VerdictChange, ...]
    pending: frozenset[Path]
    """Files to be tried again."""
    trouble: tuple[str, ...]
    """Sentences about what stood in the way, all or in part."""
    is_complete: bool
    """False when the files of this round must come again."""


class Rounds:
    """Keeps the model between rounds."""

    def __init__(
        self,
        roots: Sequence[Path],
        store: Path,
        find: Find,
        load_embedder: Callable[[Sequence[Survey]], Embedder],
        options: IngestOptions,
        stop: StopSwitch,
    ) -> None:
        """`load_embedder` is called before the first round that finds pictures, with what it
        found."""
        self._roots = tuple(roots)
        self._store = store
        self._find = find
        self._load_embedder = load_embedder
        self._options = options
        self._stop = stop
        self._embedder: Embedder | None = None
        self._said: dict[tuple[str, str], str] | None = None
        """Verdicts by run and model, as they were told or stood when the watching began."""
        self._owes_judging = True
        """Whether there may be scores that no verdict knows, those of an earlier watch too."""

    def score(self, files: Collection[Path] | None, judged_at: datetime) -> Round:
        """Score the runs of these files, or everything. Raises what does not pass by itself."""
        trouble: list[str] = []
        found = []
        for root in self._roots:
            own = None if files is None else [path for path in files if root in path.parents]
            if own is None or own:
                try:
                    found.append(self._find(root, own))
                except PASSING as error:
                    trouble.append(str(error))
        if not any(each.runs for each in found):
            return Round(None, (), frozenset(), tuple(trouble), is_complete=True)
        try:
            if self._embedder is None:
                self._embedder = self._load_embedder(found)
            report = ingest_surveyed(
                found, self._store, self._embedder, self._options, stop=self._stop
            )
        except PASSING as error:
            self._owes_judging = True  # some scores may have been written before
            return Round(None, (), frozenset(), (*trouble, str(error)), is_complete=False)
        pending = frozenset(problem.path for problem in report.problems if problem.pending)
        if report.merge.n_parts_waiting:
            trouble.append(
                f"{report.merge.n_scores_waiting:,} scores wait beside the database, which is held "
                f"by {report.merge.holder or 'another program'}."
            )
        self._owes_judging |= report.n_scores > 0
        changes: tuple[VerdictChange, ...] = ()
        if self._owes_judging and not report.interrupted:
            try:
                changes = self._judge(judged_at, trouble)
            except PASSING as error:
                trouble.append(str(error))
        is_complete = not (report.interrupted or self._owes_judging)
        return Round(report, changes, pending, tuple(trouble), is_complete)

    def _judge(self, judged_at: datetime, trouble: list[str]) -> tuple[VerdictChange, ...]:
        if self._said is None:
            self._said = {(each.run, each.model): each.verdict for each in self._verdicts()}
        not_renewed = renew_verdicts(self._store, judged_at)
        if not_renewed is not None:
            trouble.append(not_renewed)
        changes = []
        for each in self._verdicts():
            said = self._said.get((each.run, each.model))
            if said != each.verdict:
                changes.append(replace(each, before=said))
                self._said[each.run, each.model] = each.verdict
        # What still waits beside the database may be scores or verdicts that were not seen here.
        self._owes_judging = bool(list_parts(spool_folder(self._store)))
        return tuple(changes)

    def _verdicts(self) -> tuple[VerdictChange, ...]:
        with open_current(self._store) as reader:
            rows = reader.read("watched_verdicts").iter_rows(named=True)
            return tuple(
                VerdictChange(
                    run=row["run"],
                    model=row["model"],
                    before=None,
                    verdict=row["verdict"],
                    reason=row["reason"],
                    sentence=row["sentence"],
                    last_step=row["last_step"],
                    level=row["level"],
                    location=row["location"],
                    plateau=row["status"],
                    planned_steps=row["planned_steps"],
                )
                for row in rows
            )
