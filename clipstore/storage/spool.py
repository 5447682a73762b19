"""The spool: results on their way into the database, as folders of Parquet files.

Invariant: a part is complete or not there. It is written under a hidden name, its files and its
folder are fsynced, and one rename makes it visible; so whatever happens to the database or to
the process, what `write_part` returned for is on disk. Column types are fixed here because a
column that is null throughout would otherwise be written as another type in every part.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from clipstore.errors import DiskFull, OutputError, PathMissing
from clipstore.storage.tables import NULLABLE_COLUMNS, TABLE_SCHEMAS

__all__ = [
    "TABLE_SCHEMAS",
    "count_scores",
    "list_parts",
    "part_fault",
    "quarantine_part",
    "remove_parts",
    "spool_folder",
    "sync_file",
    "sync_folder",
    "write_part",
]

QUARANTINE = "quarantine"
ABANDONED_AFTER_S = 3600.0
"""A part takes milliseconds to write: a hidden folder this old was left by a killed process."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def spool_folder(store: Path) -> Path:
    """Where the parts of this store wait: `<store>.spool`, beside it. It need not exist."""
    return store.with_name(store.name + ".spool")


def list_parts(spool: Path) -> tuple[Path, ...]:
    """The complete parts, oldest first. Empty when there is no spool."""
    if not spool.is_dir():
        return ()
    return tuple(
        sorted(
            entry
            for entry in spool.iterdir()
            if entry.is_dir() and not entry.name.startswith(".") and entry.name != QUARANTINE
        )
    )


def write_part(spool: Path, tables: Mapping[str, pl.DataFrame]) -> Path:
    """Write one part and return its folder; on return it survives a crash.

    Each frame has exactly the columns of its table in `TABLE_SCHEMAS`, in any order; types that
    fit are converted, so that a column of nulls is fine. Frames without rows are left out.

    Raises `ValueError` for a frame that the store could not take or when no frame has rows,
    `PathMissing` when the folder of the store is missing, `DiskFull` when there is no space,
    `OutputError` when the folder cannot be written to.
    """
    filled = {name: _conform(name, frame) for name, frame in tables.items() if frame.height}
    if not filled:
        raise ValueError("a part needs at least one row")
    if not spool.parent.is_dir():
        raise PathMissing(spool.parent, "a folder to keep the database in")
    name = f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    hidden = spool / f".tmp-{name}"
    try:
        hidden.mkdir(parents=True)
        for table, frame in filled.items():
            _write_durably(hidden / f"{table}.parquet", frame)
        sync_folder(hidden)
        final = hidden.rename(spool / name)
        sync_folder(spool)
    except OSError as error:
        shutil.rmtree(hidden, ignore_errors=True)
        if error.errno in _NO_SPACE:
            raise DiskFull(spool, "Batches written before this one are safe there.") from error
        raise OutputError(spool, error.strerror or str(error)) from error
    return final


def part_fault(part: Path) -> str | None:
    """Why this part cannot go into the store; None when it can. Reads all of it."""
    files = sorted(part.glob("*.parquet"))
    if not files:
        return "it holds no Parquet file"
    for file in files:
        if file.stem not in TABLE_SCHEMAS:
            return f"{file.name} is not a table of this version of clipstore"
        try:
            frame = pl.read_parquet(file, glob=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            return f"{file.name} cannot be read: {str(error).splitlines()[0]}"
        if frame.schema != TABLE_SCHEMAS[file.stem]:
            return f"{file.name} has other columns than this version of clipstore"
        fault = _frame_fault(file.stem, frame)
        if fault is not None:
            return fault
    return None


def count_scores(parts: tuple[Path, ...]) -> int:
    """How many scores wait in these parts, from the files' metadata; unreadable ones count 0."""
    count = 0
    for part in parts:
        file = part / "scores.parquet"
        try:
            count += pl.scan_parquet(file, glob=False).select(pl.len()).collect().item()
        except (pl.exceptions.PolarsError, OSError):
            continue
    return count


def quarantine_part(part: Path, why: str) -> Path:
    """Put a part aside for good, with the reason beside it; returns where it is now."""
    folder = part.parent / QUARANTINE
    folder.mkdir(exist_ok=True)
    moved = part.rename(folder / part.name)
    (moved / "why.txt").write_text(why + "\n", encoding="utf-8")
    return moved


def remove_parts(parts: tuple[Path, ...]) -> None:
    """Delete merged parts, and hidden folders that a killed process left behind."""
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    for spool in {part.parent for part in parts}:
        for leftover in spool.glob(".tmp-*"):
            try:
                age_s = time.time() - leftover.stat().st_mtime
            except FileNotFoundError:
                continue
            if age_s > ABANDONED_AFTER_S:
                shutil.rmtree(leftover, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    sync_file(folder)


def sync_file(path: Path) -> None:
    """Make what was written to a file durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _conform(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    if table not in TABLE_SCHEMAS:
        raise ValueError(f"no table {table}; tables are {', '.join(TABLE_SCHEMAS)}")
    schema = TABLE_SCHEMAS[table]
    if set(frame.columns) != set(schema):
        missing = sorted(set(schema) - set(frame.columns))
        unknown = sorted(set(frame.columns) - set(schema))
        raise ValueError(f"{table}: missing columns {missing}, unknown columns {unknown}")
    try:
        conformed = frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{table}: {error}") from error
    fault = _frame_fault(table, conformed)
    if fault is not None:
        raise ValueError(fault)
    return conformed


def _frame_fault(table: str, frame: pl.DataFrame) -> str | None:
    nullable = NULLABLE_COLUMNS.get(table, frozenset())
    for name in frame.columns:
        if name not in nullable and frame[name].null_count():
            return f"{table}.{name} has nulls"
    if table == "scores" and not frame["cosine"].is_finite().all():
        return "scores.cosine has values that are not finite"
    return None


def _write_durably(path: Path, frame: pl.DataFrame) -> None:
    # Through memory: the write is then Python's own, whose error carries the errno.
    encoded = io.BytesIO()
    frame.write_parquet(encoded, compression="zstd", compression_level=1)
    with path.open("xb") as file:
        file.write(encoded.getbuffer())
        file.flush()
        os.fsync(file.fileno())
