"""ai-toolkit's loss_log.db, the SQLite database that its user interface draws losses from.

Invariant: the database is the trainer's: it is opened read-only, with everything off that could
run code stored in it, and never waited for. A trainer that goes on writing keeps a log beside it
(WAL), which SQLite reads along where it may. Rows have no order that lasts: a training that resumes
deletes the steps after its checkpoint, and their row numbers are given again. So a position is the
time of the last step read.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from clipstore.logged import LogChunk, LogPosition, Scalars
from clipstore.sources.textfiles import Unreadable, read_start

NAME = "ai_toolkit_losses"
HEAD_BYTES = 16

FILE_NAME = "loss_log.db"
ROWS_PER_CHUNK = 100_000
_MAGIC = b"SQLite format 3\0"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('metrics', 'steps')"
_ROWS = """
    SELECT
        metrics.step,
        metrics.key,
        metrics.value_real,
        steps.wall_time,
        CAST(steps.wall_time * 1000000 AS INTEGER) AS wall_time_us
    FROM metrics LEFT JOIN steps ON steps.step = metrics.step
    WHERE :last_step IS NULL OR metrics.step > :last_step OR wall_time_us > :offset
    ORDER BY steps.wall_time, metrics.step, metrics.key
"""


def is_log(name: str) -> bool:
    """loss_log.db."""
    return name == FILE_NAME


def read(path: Path, start: LogPosition) -> Iterator[LogChunk]:
    """As `LogFormat.read`; the position is when the last step was logged, in microseconds."""
    if read_start(path, len(_MAGIC)) != _MAGIC:
        raise Unreadable("it is not an SQLite database")
    try:
        with closing(_open(path)) as database:
            if len(database.execute(_TABLES).fetchall()) != 2:
                # A view of that name could run for ever.
                raise Unreadable("it has no tables metrics and steps")
            since = {"offset": start.offset, "last_step": start.last_step}
            rows = database.execute(_ROWS, since)
            position, waiting = start, list[tuple[object, ...]]()
            while some := rows.fetchmany(ROWS_PER_CHUNK):
                # A position lies between two steps: the last one may go on.
                waiting += some
                last_step = waiting[-1][0]
                whole = [row for row in waiting if row[0] != last_step]
                if whole:
                    chunk = _rows_to_chunk(whole, position)
                    position = chunk.position
                    yield chunk
                    waiting = [row for row in waiting if row[0] == last_step]
            if waiting:
                yield _rows_to_chunk(waiting, position)
    except sqlite3.Error as error:
        raise Unreadable(f"SQLite says: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro"
    database = sqlite3.connect(address, uri=True, timeout=0.0)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    return database


def _rows_to_chunk(rows: list[tuple[object, ...]], before: LogPosition) -> LogChunk:
    tags: list[str] = []
    steps: list[int] = []
    times: list[float] = []
    values: list[float] = []
    offset, last_step = before.offset, before.last_step
    for step, key, value, wall_time, wall_time_us in rows:
        if isinstance(wall_time_us, int):
            offset = max(offset, wall_time_us)
        if isinstance(step, int) and isinstance(key, str) and isinstance(value, int | float):
            tags.append(key)
            steps.append(step)
            times.append(float(wall_time) if isinstance(wall_time, int | float) else math.nan)
            values.append(float(value))
            last_step = step
    return LogChunk(LogPosition(offset, last_step), Scalars(tags, steps, times, values))
