"""The logs of the runs below one folder, read when the turn of their run comes.

Invariant: every log ends in one state, and every picture in it becomes one of its run's; what is
read of one run's logs is let go of before the next run's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from clipstore.logged import KnownPicture
from clipstore.pipeline.discover import Outline
from clipstore.pipeline.findlogs import RunLog, find_logs, logs_outside
from clipstore.pipeline.knownlogs import KnownLogs
from clipstore.pipeline.loggedpictures import LoggedPlacing
from clipstore.pipeline.loggedruns import place_in_folder
from clipstore.pipeline.logreading import LogKeeper
from clipstore.pipeline.logstates import LogStates, OutsideFiles
from clipstore.pipeline.stopping import StopSwitch
from clipstore.sources.textfiles import Unreadable
from clipstore.types import RunContents, Skipped


class RunLogs:
    """Reads the logs of one outline's runs."""

    def __init__(
        self, found: Outline, known: KnownLogs, keeper: LogKeeper, stop: StopSwitch
    ) -> None:
        self._found = found
        self._known = known
        self._keeper = keeper
        self._stop = stop
        self._logs_outside = logs_outside(found.skipped, found.root, found.folders)
        self._outside = OutsideFiles(found.skipped)

    def read(self, runs: Sequence[RunContents]) -> tuple[RunContents, ...]:
        """The runs of one folder with the pictures of their logs, and these in their states."""
        logs = find_logs(runs, self._logs_outside)
        states = LogStates(logs.unowned)
        found: dict[int, list[KnownPicture]] = {
            contents.run.run_id: list(self._known.pictures(contents.run)) for contents in runs
        }
        for log in self._until_stopped(logs.logs):
            try:
                found[log.run.run_id] += self._keeper.read(log)
                states.mark_read(log)
            except Unreadable as error:
                states.refuse(log, error)
        self._outside.settle(states, (one.picture.path for some in found.values() for one in some))
        pictures = {run_id: tuple(dict.fromkeys(some)) for run_id, some in found.items()}
        placing = LoggedPlacing(self._found.user_prompts, self._found.root)
        return place_in_folder([*map(states.of_run, runs)], pictures, placing)

    def outside(self) -> Iterator[Skipped]:
        """The files outside of all runs that none of the runs read so far accounts for."""
        return self._outside.left()

    def _until_stopped(self, logs: Iterable[RunLog]) -> Iterator[RunLog]:
        for log in logs:
            if self._stop.is_set:
                return  # the next ingest reads the others
            yield log
