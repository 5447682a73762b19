"""The runs' logs without a store: what `clipstore scan` shows of them.

Invariant: nothing is kept and nothing is known; the same pictures are found as by an ingest.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clipstore.logged import KnownPicture, LogPosition
from clipstore.pipeline.discover import Outline
from clipstore.pipeline.findlogs import RunLog, find_logs, logs_outside
from clipstore.pipeline.loggedpictures import LoggedPlacing
from clipstore.pipeline.loggedruns import place_in_folder
from clipstore.pipeline.logstates import LogStates
from clipstore.pipeline.runpaths import path_in_run
from clipstore.sources.textfiles import Unreadable
from clipstore.types import RunContents


@dataclass(frozen=True)
class ScannedLog:
    """What one log holds."""

    run: str
    path: str
    """Relative to the run's folder."""
    source: str
    n_scalars: int
    n_tags: int
    n_pictures: int
    n_settings: int
    damage: tuple[str, ...]


class LogScanner:
    """Reads the logs of a folder's runs, those of one run's folder at a time."""

    def __init__(self, found: Outline) -> None:
        self._found = found
        self._outside = logs_outside(found.skipped, found.root, found.folders)
        self._skipped_outside = {one.path for one in found.skipped}
        self.logs: list[ScannedLog] = []
        """Those of the runs that came so far."""
        self.n_logs_outside = 0
        """Of them, those that lie outside of all runs."""
        self.n_pictures_outside = 0
        """Files outside of all runs that are pictures of a run by its log."""

    def runs(self) -> Iterator[RunContents]:
        """The runs of the outline, with the pictures of their logs."""
        for _, some in itertools.groupby(self._found.runs(), lambda contents: contents.run.root):
            yield from self._scan_folder(tuple(some))

    def _scan_folder(self, runs: Sequence[RunContents]) -> Iterator[RunContents]:
        found = find_logs(runs, self._outside)
        states = LogStates(found.unowned)
        pictures: dict[int, list[KnownPicture]] = {}
        for log in found.logs:
            self.n_logs_outside += log.path in self._skipped_outside
            try:
                scanned, some = _scan(log)
            except Unreadable as error:
                states.refuse(log, error)
                continue
            states.mark_read(log)
            self.logs.append(scanned)
            pictures.setdefault(log.run.run_id, []).extend(some)
        self.n_pictures_outside += sum(
            one.picture.path in self._skipped_outside for some in pictures.values() for one in some
        )
        placing = LoggedPlacing(self._found.user_prompts, self._found.root)
        yield from place_in_folder([*map(states.of_run, runs)], pictures, placing)


def _scan(log: RunLog) -> tuple[ScannedLog, list[KnownPicture]]:
    path = path_in_run(log.path, log.run)
    tags: Counter[str] = Counter()
    pictures: list[KnownPicture] = []
    settings: set[str] = set()
    damage: list[str] = []
    for chunk in log.format.read(log.path, LogPosition()):
        tags.update(chunk.scalars.tags)
        pictures += [KnownPicture(log.format.NAME, path, one) for one in chunk.pictures]
        settings.update(chunk.settings)
        damage += chunk.damage
    return (
        ScannedLog(
            log.run.name,
            path,
            log.format.NAME,
            sum(tags.values()),
            len(tags),
            len(pictures),
            len(settings),
            tuple(damage),
        ),
        pictures,
    )
