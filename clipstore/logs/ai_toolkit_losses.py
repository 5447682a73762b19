"""ai-toolkit's loss_log.db, the SQLite database that its user interface draws losses from.

Invariant: the database is the trainer's: it is opened read-only, with everything off that could
run code stored in it, and never waited for. A trainer that goes on writing keeps a log beside it
(WAL), which SQLite reads along where it may.
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
    SELECT metrics.rowid, metrics.step, metrics.key, metrics.value_real, steps.wall_time
    FROM metrics LEFT JOIN steps ON steps.step = metrics.step
    WHERE metrics.rowid > ? ORDER BY metrics.rowid
"""


def is_log(name: str) -> bool:
    """loss_log.db."""
    return name == FILE_NAME


def read(path: Path, start: LogPosition) -> Iterator[LogChunk]:
    """As `LogFormat.read`; the position is the last row read."""
    if read_start(path, len(_MAGIC)) != _MAGIC:
        raise Unreadable("it is not an SQLite database")
    try:
        with closing(_open(path)) as database:
            if len(database.execute(_TABLES).fetchall()) != 2:
                # A view of that name could run for ever.
                raise Unreadable("it has no tables metrics and steps")
            rows = database.execute(_ROWS, (start.offset,))
            last_step = start.last_step
            while some := rows.fetchmany(ROWS_PER_CHUNK):
                chunk = _rows_to_chunk(some, last_step)
                last_step = chunk.position.last_step
                yield chunk
    except sqlite3.Error as error:
        raise Unreadable(f"SQLite says: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro"
    database = sqlite3.connect(address, uri=True, timeout=0.0)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    return database


def _rows_to_chunk(rows: list[tuple[object, ...]], last_step: int | None) -> LogChunk:
    tags: list[str] = []
    steps: list[int] = []
    times: list[float] = []
    values: list[float] = []
    last_row = 0
    for number, step, key, value, wall_time in rows:
        last_row = int(number) if isinstance(number, int) else last_row
        if isinstance(step, int) and isinstance(key, str) and isinstance(value, int | float):
            tags.append(key)
            steps.append(step)
            times.append(float(wall_time) if isinstance(wall_time, int | float) else math.nan)
            values.append(float(value))
            last_step = step
    return LogChunk(LogPosition(last_row, last_step), Scalars(tags, steps, times, values))
