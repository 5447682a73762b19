"""What the store knows of the runs' logs: how far each was read, and the pictures in them.

Invariant: nothing here decides what is true: a log that is read twice adds nothing to the store.
It only spares the reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from clipstore.logged import KnownPicture, LoggedPicture, LogPosition
from clipstore.sources.textfiles import read_start
from clipstore.storage.spool import TABLE_SCHEMAS, list_parts, spool_folder
from clipstore.storage.store import open_store
from clipstore.types import Run


@dataclass(frozen=True)
class LogHead:
    """How a log begins: what tells it from another one of the same name."""

    sha256: str
    n_bytes: int


@dataclass(frozen=True)
class KnownLog:
    """One log as it was read."""

    position: LogPosition
    head: LogHead
    n_scalars: int = 0
    n_pictures: int = 0
    n_damaged: int = 0
    detail: str = ""


@dataclass(frozen=True)
class KnownLogs:
    """The logs of some runs; paths as the store has them."""

    logs: Mapping[tuple[int, str], KnownLog]
    """By run_id and path."""
    _pictures: Mapping[int, Sequence[pl.DataFrame]]
    """By run_id, as rows, which take less memory."""

    def pictures(self, run: Run) -> tuple[KnownPicture, ...]:
        """What the run's logs held as far as they were read, each picture once."""
        frames = self._pictures.get(run.run_id, ())
        rows = (row for frame in frames for row in frame.iter_rows(named=True))
        return tuple(dict.fromkeys(_row_to_picture(row, run.root) for row in rows))


NOTHING_KNOWN = KnownLogs({}, {})


def load_known_logs(store: Path, run_ids: Sequence[int]) -> KnownLogs:
    """Read the store and the parts that still wait beside it. Raises the store's errors."""
    ids = {"run_ids": list(run_ids)}
    with open_store(store) as reader:
        files = reader.read("known_log_files", ids)
        pictures = reader.read("known_logged_pictures", ids)
    logs = {}
    for frame in (files, *_waiting(store, "log_files")):
        for row in frame.sort("seen_at").iter_rows(named=True):
            logs[row["run_id"], row["path"]] = KnownLog(
                LogPosition(row["position"], row["last_step"]),
                LogHead(row["head_sha256"], row["head_bytes"]),
                row["n_scalars"],
                row["n_pictures"],
                row["n_damaged"],
                row["detail"],
            )
    found: dict[int, list[pl.DataFrame]] = {}
    for frame in (pictures, *_waiting(store, "logged_pictures")):
        for (run_id,), of_run in frame.partition_by("run_id", as_dict=True).items():
            found.setdefault(_whole(run_id), []).append(of_run)
    return KnownLogs(logs, found)


def read_log_head(path: Path, n_bytes: int) -> LogHead:
    """The first `n_bytes`, or all where the log is shorter. Raises `Unreadable`."""
    data = read_start(path, n_bytes)
    return LogHead(hashlib.sha256(data).hexdigest(), len(data))


def is_same_log(path: Path, known: KnownLog) -> bool:
    """Whether the log still begins as it did. Raises `Unreadable`."""
    return read_log_head(path, known.head.n_bytes) == known.head


def _row_to_picture(row: Mapping[str, object], root: Path) -> KnownPicture:
    wall_time = row["wall_time"]
    picture = LoggedPicture(
        path=root / str(row["path"]),
        tag=str(row["tag"]),
        step=_whole(row["step"]),
        wall_time_s=getattr(wall_time, "timestamp", lambda: float("nan"))(),
        item=_whole(row["item"]),
        n_items=_whole(row["n_items"]),
        caption=None if row["caption"] is None else str(row["caption"]),
        last_step=None if row["last_step"] is None else _whole(row["last_step"]),
    )
    return KnownPicture(str(row["source"]), str(row["log"]), picture)


def _whole(value: object) -> int:
    return int(str(value))


def _waiting(store: Path, table: str) -> list[pl.DataFrame]:
    """This table's rows in parts that could not be merged yet."""
    frames = []
    for part in list_parts(spool_folder(store)):
        path = part / f"{table}.parquet"
        if path.exists():
            frame = pl.read_parquet(path)
            if frame.schema == TABLE_SCHEMAS[table]:
                frames.append(frame)
    return frames
