"""How many files an ingest has to account for and to read: by the survey, until a run's turn comes.

Invariant: once all runs have had their turn, the numbers are those of the files that were accounted
for, whatever changed since the survey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clipstore.pipeline.survey import Survey, SurveyedRun


class Expected:
    """The two totals of an ingest, as they become known."""

    def __init__(self, surveys: Sequence[Survey], n_known: Mapping[int, int]) -> None:
        """`n_known`: how many files of a run, by run_id, are scored already."""
        self._n_known = n_known
        self._coming = {run.run_id: run for each in surveys for run in each.runs}
        self._n_begun = 0
        self.n_files = sum(len(each.outline.skipped) for each in surveys)
        """Files in all, known and skipped ones included."""
        self.n_files += sum(len(each.outline.problems) for each in surveys)
        self.n_files += sum(run.n_files for run in self._coming.values())
        self.n_to_read = sum(map(self._to_read, self._coming.values()))
        """Pictures that have to be read, from the first to the last."""

    @property
    def n_runs_begun(self) -> int:
        """Runs whose turn has come."""
        return self._n_begun

    @property
    def n_runs(self) -> int:
        return self._n_begun + len(self._coming)

    @property
    def may_grow(self) -> bool:
        """Whether logs are still to be read, in which there may be any number of pictures."""
        return any(run.has_logs for run in self._coming.values())

    def begin(self, run_id: int, n_files: int, n_to_read: int) -> None:
        """A run's turn has come: what it really has."""
        self._n_begun += 1
        self._forget(self._coming.pop(run_id, None))
        self.n_files += n_files
        self.n_to_read += n_to_read

    def end(self, survey: Survey) -> None:
        """All runs of this folder have had their turn; what has not come is gone."""
        for run in survey.runs:
            self._forget(self._coming.pop(run.run_id, None))

    def set_outside(self, change: int) -> None:
        """So many files outside of all runs turned out to belong to one: a log's pictures."""
        self.n_files += change

    def _forget(self, run: SurveyedRun | None) -> None:
        if run is not None:
            self.n_files -= run.n_files
            self.n_to_read -= self._to_read(run)

    def _to_read(self, run: SurveyedRun) -> int:
        return max(0, run.n_pictures - self._n_known.get(run.run_id, 0))
