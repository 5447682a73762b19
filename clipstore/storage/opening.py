"""Opening the database file: the only module that imports duckdb.

Invariants: while a connection is open nothing else here opens the file, because closing any
descriptor of it would drop the process's lock on it. No connection loads or installs an extension,
and none reaches a file but the store and, when merging, its spool. DuckDB's own errors end here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from clipstore.errors import (
    ClipstoreError,
    DiskFull,
    PathMissing,
    QueryError,
    StoreCorrupt,
    StoreTooNew,
)
from clipstore.storage.arrow import stream_to_frame

STORAGE_VERSION = "v1.0.0"
"""The oldest file format: DuckDB from 1.1 on opens it, whatever version wrote it."""

_CONFIG: Mapping[str, str] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
_RETRY_S = 0.02

_Config = dict[str, str | bool | int | float | list[str]]

# Shown as text, because polars has no such types: it panics on some of them.
_FOREIGN_TYPE = re.compile(
    r"\b(INTERVAL|UNION|BIT|BIGNUM|VARINT|VARIANT|GEOMETRY|TIME WITH TIME ZONE)\b"
)


class DatabaseHeld(Exception):
    """Someone else has the file open. Never leaves the store's modules."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class RowsRefused(Exception):
    """The rows, not the database, are at fault. Never leaves the store's modules."""


class Database:
    """One open connection."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self._connection = connection

    def frame(self, sql: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
        """What a statement returns; whole decimals as Int64, other decimals as Float64, types
        that polars lacks (intervals, unions) as text. A statement without a result: no columns.

        Raises `QueryError` for what DuckDB does not run, `StoreCorrupt` for damaged blocks.
        """
        # A connection of its own: one unfinished result blocks all else on a connection.
        cursor = self._connection.cursor()
        try:
            return _relation_to_frame(
                cursor.sql(sql, params=dict(parameters)) if parameters else cursor.sql(sql)
            )
        except duckdb.Error as error:
            raise self._explain(error) from None
        except RuntimeError as error:
            if "interrupted" in str(error).lower():
                raise KeyboardInterrupt from None
            raise
        except pl.exceptions.PolarsError as error:
            raise QueryError(f"its result cannot be shown: {_first_line(error)}") from None
        finally:
            cursor.close()

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run all statements of a text; those that have parameters get theirs.

        Raises `RowsRefused` when the rows do not fit, `DiskFull`, `StoreCorrupt`.
        """
        try:
            for statement in duckdb.extract_statements(sql):
                names = statement.named_parameters
                given = {name: (parameters or {})[name] for name in names}
                self._connection.execute(statement, given or None).fetchall()
        except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError) as error:
            raise RowsRefused(_first_line(error)) from None
        except duckdb.Error as error:
            raise self._explain(error) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; on return the rows are on disk."""
        self.run("BEGIN TRANSACTION")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def close(self) -> None:
        """Close the file and let go of its lock."""
        self._connection.close()

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK").fetchall()
        except duckdb.Error:
            # After a failed commit there is nothing left to roll back.
            return

    def _explain(self, error: duckdb.Error) -> ClipstoreError:
        text = _first_line(error)
        if _tells_of_no_space(str(error)):
            return DiskFull(
                self.path,
                "The database holds all that was merged before; the rest is in its spool.",
            )
        if isinstance(error, duckdb.FatalException) or _tells_of_damage(str(error)):
            return StoreCorrupt(self.path, text)
        return QueryError(_message(error))


def open_database(path: Path, *, deadline: float, readable_folder: Path | None = None) -> Database:
    """Open a store: read-only, or for writing when `readable_folder` (the spool) is given.

    Tries until `time.monotonic()` passes `deadline`, at least once. Raises `DatabaseHeld`,
    `StoreCorrupt`, `StoreTooNew`, `PathMissing`.
    """
    connection = _retry(lambda: _connect(path, read_only=readable_folder is None), deadline)
    database = Database(path, connection)
    try:
        if readable_folder is not None:
            folder = str(readable_folder.absolute()).replace("'", "''")
            connection.execute(f"SET allowed_directories = ['{folder}/']").fetchall()
        for setting in (
            "GLOBAL TimeZone = 'UTC'",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {setting}").fetchall()
    except duckdb.Error as error:
        database.close()
        raise StoreCorrupt(path, _first_line(error)) from None
    return database


def make_database(path: Path) -> Database:
    """Make a new database file that every DuckDB from 1.1 on opens.

    Raises `DiskFull`, or the base error with DuckDB's words.
    """
    config: _Config = {**_CONFIG, "storage_compatibility_version": STORAGE_VERSION}
    try:
        return Database(path, duckdb.connect(os.fspath(path.absolute()), config=config))
    except duckdb.Error as error:
        if _tells_of_no_space(str(error)):
            raise DiskFull(path, "No database was made.") from None
        raise ClipstoreError(f"cannot make a database: {_first_line(error)}") from None


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    if path.is_dir():
        raise PathMissing(path, "a database file")
    try:
        return duckdb.connect(os.fspath(path.absolute()), read_only=read_only, config={**_CONFIG})
    except duckdb.Error as error:
        text = str(error)
        if "different configuration" in text:
            raise DatabaseHeld("this very process") from None
        if "Could not set lock" in text:
            raise DatabaseHeld(_holder(text)) from None
        if found := re.search(r"version number (\d+)\D+(\d+) and (\d+)", text):
            raise StoreTooNew(
                path,
                f"DuckDB storage version {found[1]}",
                f"{found[2]} to {found[3]}, with DuckDB {duckdb.__version__}",
            ) from None
        if re.search("permission denied|read-only file system", text, re.IGNORECASE):
            raise ClipstoreError(
                f"cannot open {path}: {_first_line(error)}. Check the permissions of the file and "
                "its folder."
            ) from None
        if _tells_of_no_space(text):
            raise DiskFull(path, "The file was not changed.") from None
        raise StoreCorrupt(path, _describe(path) or _first_line(error)) from None


def _retry(
    attempt: Callable[[], duckdb.DuckDBPyConnection], deadline: float
) -> duckdb.DuckDBPyConnection:
    while True:
        try:
            return attempt()
        except DatabaseHeld:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_RETRY_S)


def _relation_to_frame(relation: duckdb.DuckDBPyRelation | None) -> pl.DataFrame:
    if relation is None:
        return pl.DataFrame()
    names = _unique_names(relation.columns)
    types = [str(dtype) for dtype in relation.types]
    if list(names) != relation.columns or any(map(_FOREIGN_TYPE.search, types)):
        columns = [
            f"CAST(#{at} AS VARCHAR)" if _FOREIGN_TYPE.search(dtype) else f"#{at}"
            for at, dtype in enumerate(types, start=1)
        ]
        relation = relation.project(
            ", ".join(f"{column} AS c{at}" for at, column in enumerate(columns))
        )
    frame = stream_to_frame(relation)
    frame.columns = list(names)
    return frame


def _unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Column names with repeated ones numbered: a, a_2."""
    taken: set[str] = set()
    unique = []
    for name in names:
        free, number = name, 1
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free)
        unique.append(free)
    return tuple(unique)


def _holder(text: str) -> str:
    found = re.search(r"Conflicting lock is held in (?:.*/)?(.+?\(PID \d+\))", text)
    return found[1] if found else "another program"


def _describe(path: Path) -> str | None:
    # Only after a failed open: this process then holds no lock on the file to lose.
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        return f"{error.strerror}"
    if head.startswith(b"SQLite format 3"):
        return "it is an SQLite database"
    if head[8:12] != b"DUCK":
        return "it is not a DuckDB database"
    return None


def _tells_of_no_space(text: str) -> bool:
    return bool(
        re.search("no space left|file too large|disk quota|out of disk", text, re.IGNORECASE)
    )


def _tells_of_damage(text: str) -> bool:
    return bool(re.search("corrupt|checksum|could not read enough bytes", text, re.IGNORECASE))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _message(error: BaseException) -> str:
    """DuckDB's words on one line, with its hints and without the statement echoed below them."""
    lines = [line.strip() for line in str(error).split("LINE ", 1)[0].splitlines()]
    return " ".join(filter(None, lines)) or type(error).__name__
