"""The store as the rest of clipstore sees it: read it, ask it, merge into it, check it.

Invariant: reading never writes. Readers open the file read-only with everything switched off that
could reach another file or the network, and give it back at once; a command that wants the newest
scores lets the spool be merged first, and goes on without when that is not possible now. The one
exception is a store of an older clipstore: it is upgraded before it is read.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl

from clipstore.errors import (
    ClipstoreError,
    StoreCorrupt,
    StoreLocked,
    StoreMissing,
    StoreTooOld,
)
from clipstore.storage.merge import MergeReport, merge_parts
from clipstore.storage.opening import Database, DatabaseHeld, open_database
from clipstore.storage.schema import (
    DROPPABLE_TABLES,
    check_tables,
    has_table,
    is_outdated,
    lacks_tables,
)
from clipstore.storage.spool import count_scores, list_parts, spool_folder
from clipstore.storage.sqlfiles import (
    ReadyQuery,
    read_statement,
    ready_queries,
    sql_parameters,
    statement_names,
)
from clipstore.storage.tables import TABLE_SCHEMAS

__all__ = [
    "MergeReport",
    "Reader",
    "ReadyQuery",
    "check_store",
    "default_store_path",
    "merge_parts",
    "open_current",
    "open_store",
    "ready_queries",
    "run_query",
]

DEFAULT_STORE = Path("clipstore.duckdb")
VECTOR_COLUMNS = {
    table: {name: TABLE_SCHEMAS[table][name] for name in (key, "vector")}
    for table, key in (("embeddings", "crop_id"), ("text_embeddings", "text_id"))
}
"""What every read of a table that may be dropped gives."""
LOCKED_WAIT_S = 2.0
"""A merge holds the file for tens of milliseconds; whoever holds it longer stays."""


class Reader:
    """An open store, read-only."""

    def __init__(self, database: Database, merge: MergeReport | None = None) -> None:
        self._database = database
        self.merge = merge
        """What became of waiting parts before this was opened; None when none waited."""

    @property
    def path(self) -> Path:
        """The store's file."""
        return self._database.path

    def frame(self, sql: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
        """The result of any SQL with `$name` parameters; times in UTC.

        Whole decimals come as Int64 and others as Float64; what polars has no type for, as text.
        Raises `QueryError`, or `StoreCorrupt` when damaged blocks are met.
        """
        return self._database.frame(sql, parameters)

    def read(self, name: str, parameters: Mapping[str, object] | None = None) -> pl.DataFrame:
        """The result of `sql/reads/<name>.sql`.

        A read of vectors is empty when the user dropped their table.
        """
        sql = read_statement("reads", name)
        for table, columns in VECTOR_COLUMNS.items():
            if re.search(rf"\b{table}\b", sql) and not has_table(self._database, table):
                return pl.DataFrame(schema=columns)
        return self.frame(sql, parameters)


def default_store_path(option: Path | None) -> Path:
    """Which database is meant: --db, else CLIPSTORE_DB, else ./clipstore.duckdb."""
    if option is not None:
        return option
    named = os.environ.get("CLIPSTORE_DB", "")
    return Path(named) if named else DEFAULT_STORE


@contextmanager
def open_store(store: Path) -> Iterator[Reader]:
    """Read a store as it is; retries for about two seconds while someone writes to it.

    Raises `StoreMissing`, `StoreLocked`, `StoreCorrupt`, `StoreTooNew`.
    """
    with closing(_open(store)) as database:
        yield Reader(database)


@contextmanager
def open_current(store: Path) -> Iterator[Reader]:
    """The same after trying to merge what waits in the spool; a failed try is no failure."""
    merge = _try_merge(store)
    with closing(_open(store)) as database:
        yield Reader(database, merge)


def run_query(
    store: Path, sql: str, parameters: Mapping[str, object] | None = None
) -> pl.DataFrame:
    """The user's own SQL, read-only, with the spool merged first where that is possible.

    Parameters of the statement that are not given are NULL, which every ready query takes for
    "all" or for its default. Raises `QueryError` and what `open_store` raises.
    """
    given = {**dict.fromkeys(sql_parameters(sql)), **(parameters or {})}
    with open_current(store) as reader:
        return reader.frame(sql, given)


def check_store(store: Path) -> tuple[str, ...]:
    """Read every table to its end and look for what the merge must not let happen.

    One sentence per finding; empty when all is well. Raises what `open_store` raises.
    """
    findings: list[str] = []
    with open_store(store) as reader:
        there = set(reader.frame("SHOW TABLES")["name"].to_list())
        for table in sorted(TABLE_SCHEMAS.keys() & there):
            # A hash over whole rows reads every block of every column.
            sql = f"SELECT bit_xor(hash(t)) FROM {table} AS t"  # noqa: S608 - our own names
            try:
                reader.frame(sql)
            except StoreCorrupt as error:
                return (f"the table {table} is damaged: {str(error).splitlines()[0]}",)
        for check in statement_names("checks"):
            if check in there or check not in DROPPABLE_TABLES:
                findings += reader.frame(read_statement("checks", check))["finding"].to_list()
    return tuple(findings)


def _open(store: Path) -> Database:
    database = _connect(store)
    try:
        outdated, unreadable = is_outdated(database), lacks_tables(database)
    except ClipstoreError:
        database.close()
        raise
    if outdated:
        database.close()
        why = _upgrade(store)
        if why and unreadable:
            raise StoreTooOld(store, why)
        database = _connect(store)
    try:
        check_tables(database)
    except ClipstoreError:
        database.close()
        raise
    return database


def _connect(store: Path) -> Database:
    if not store.exists():
        raise StoreMissing(store)
    try:
        return open_database(store, deadline=time.monotonic() + LOCKED_WAIT_S)
    except DatabaseHeld as held:
        waiting = count_scores(list_parts(spool_folder(store)))
        kept = f"{waiting:,} scores are safe in {spool_folder(store)}." if waiting else ""
        raise StoreLocked(store, held.holder, kept) from None


def _upgrade(store: Path) -> str | None:
    """Why the store could not be brought to this clipstore's tables and views; None when it was."""
    try:
        merge = merge_parts(store, wait_seconds=LOCKED_WAIT_S, upgrade=True)
    except (ClipstoreError, OSError) as error:
        return str(error)
    return None if merge.holder is None else f"it is held by {merge.holder}."


def _try_merge(store: Path) -> MergeReport | None:
    if not list_parts(spool_folder(store)):
        return None
    try:
        return merge_parts(store, wait_seconds=0.0)
    except (ClipstoreError, OSError):
        # Opening the store says what is wrong with it, if that stands in the way of reading too.
        return None
