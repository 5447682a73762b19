"""The runs' logs without a store: what `clipstore scan` shows of them.

Invariant: nothing is kept and nothing is known; the same pictures are found as by an ingest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from clipstore.logged import LogPosition
from clipstore.pipeline.discover import Discovery, count_seen
from clipstore.pipeline.findlogs import RunLog, find_logs
from clipstore.pipeline.knownlogs import KnownPicture
from clipstore.pipeline.loggedpictures import place_logged
from clipstore.pipeline.logstates import LogStates
from clipstore.pipeline.partrows import path_in_run
from clipstore.sources.textfiles import Unreadable


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


@dataclass(frozen=True)
class ScannedLogs:
    """A discovery with the pictures of its logs, and the logs."""

    discovery: Discovery
    logs: tuple[ScannedLog, ...]


def scan_logs(found: Discovery) -> ScannedLogs:
    """Read every log of these runs from its start."""
    logs = find_logs(found.runs, found.skipped, found.root)
    states = LogStates(logs.unowned)
    scanned: list[ScannedLog] = []
    pictures: dict[int, list[KnownPicture]] = {}
    for log in logs.logs:
        try:
            one, some = _scan(log)
        except Unreadable as error:
            states.refuse(log, error)
            continue
        states.mark_read(log)
        scanned.append(one)
        pictures.setdefault(log.run.run_id, []).extend(some)
    runs = tuple(
        place_logged(
            states.of_run(contents),
            pictures.get(contents.run.run_id, ()),
            found.user_prompts,
            found.root,
        )
        for contents in found.runs
    )
    skipped = states.outside(found.skipped, runs)
    seen = count_seen(runs, skipped, found.problems)
    return ScannedLogs(replace(found, runs=runs, skipped=skipped, seen_files=seen), tuple(scanned))


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
