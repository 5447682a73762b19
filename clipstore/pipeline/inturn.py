"""The runs one after the other: read, accounted for, and their pictures handed to who scores them.

Invariant: every file is counted once, from the reading of its run at its turn; what the survey saw
of it does not count. Of all runs only the one whose turn it is is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from clipstore.pipeline.accounting import Account
from clipstore.pipeline.expected import Expected
from clipstore.pipeline.known import KnownFiles
from clipstore.pipeline.partrows import PartRows
from clipstore.pipeline.runlogs import RunLogs
from clipstore.pipeline.runnames import RunNamer
from clipstore.pipeline.scoring import Task
from clipstore.pipeline.stopping import StopSwitch
from clipstore.pipeline.survey import Survey, count_files
from clipstore.types import Picture, RunContents, Skipped

PIXELS_RULE = "same_pixels"
"""Of a logged picture that was read and has the pixels of one that counts."""

LogsOf = Callable[[Survey], RunLogs | None]
"""What reads the logs below a folder; None leaves them unread."""


class RunsInTurn:
    """Goes through all runs once, as the pictures are asked for."""

    def __init__(
        self,
        known: KnownFiles,
        rows: PartRows,
        account: Account,
        expected: Expected,
        logs_of: LogsOf,
        stop: StopSwitch,
        *,
        rescore: bool,
    ) -> None:
        """With `rescore` known files are handed out too."""
        self._known = known
        self._rows = rows
        self._account = account
        self._expected = expected
        self._logs_of = logs_of
        self._stop = stop
        self._rescore = rescore
        self._namer = RunNamer(known.run_names)

    def tasks(self, surveys: Sequence[Survey]) -> Iterator[tuple[Picture, Task]]:
        """The pictures to be read, in order. What needs no reading is counted, and what the scores
        refer to is stored, when the turn of its run comes; once a stop is asked for, no further
        run has its turn.

        Raises `PatternMismatch` when the folder no longer fits the pattern that it was surveyed by.
        """
        for survey in surveys:
            logs = self._logs_of(survey)
            folders = survey.outline.runs_by_folder()
            while not self._stop.is_set and (runs := next(folders, None)) is not None:
                runs = tuple(map(self._namer.name, runs))
                yield from self._begin_all(runs if logs is None else logs.read(runs))
                del runs  # before the next ones are read
            if not self._stop.is_set:
                self._expected.end(survey)
            self._count_outside(survey, logs)

    def _begin_all(self, runs: Iterable[RunContents]) -> Iterator[tuple[Picture, Task]]:
        for contents in runs:
            yield from self._begin(contents)

    def _begin(self, contents: RunContents) -> Iterator[tuple[Picture, Task]]:
        run = contents.run
        self._rows.add_run(run, contents.prompts)
        for problem in contents.problems:
            self._account.add_problem(run, problem)
        self._account.add_skipped(run, contents.skipped)
        new, copies = [], []
        for picture in self._account.without_duplicates(run, contents.pictures):
            if self._rescore:
                new.append(picture)
            elif self._known.has_file(run, picture):
                self._account.add_known()
            elif (original := self._known.copy_of(run, picture)) is not None:
                copies.append(Skipped(picture.folder, picture.name, PIXELS_RULE, copy_of=original))
            else:
                new.append(picture)
        self._account.add_skipped(run, copies)
        self._expected.begin(run.run_id, count_files([contents]), len(new))
        # One for all pictures of a prompt.
        shared = {prompt.prompt_id: Task(run, prompt) for prompt in contents.prompts}
        for picture in new:
            yield picture, shared[picture.prompt_id]

    def _count_outside(self, survey: Survey, logs: RunLogs | None) -> None:
        outline = survey.outline
        for problem in outline.problems:
            self._account.add_problem(None, problem)
        left = tuple(outline.skipped if logs is None else logs.outside())
        self._account.add_skipped(None, left)
        self._expected.set_outside(len(left) - len(outline.skipped))
