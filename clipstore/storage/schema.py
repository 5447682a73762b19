"""Making a store, knowing one, and keeping its views up to date.

Invariant: a store is made complete or not at all: under a hidden name, checkpointed, renamed.
Tables change only by a numbered file of `sql/schema`; views are made again whenever their text
differs.
"""

from __future__ import annotations

import os
from pathlib import Path

from clipstore.errors import StoreCorrupt, StoreTooNew
from clipstore.storage.opening import Database, make_database
from clipstore.storage.spool import sync_file, sync_folder
from clipstore.storage.sqlfiles import migrations, views_in_order, views_sha256
from clipstore.storage.tables import TABLE_SCHEMAS

DROPPABLE_TABLES = frozenset({"embeddings"})
"""Tables that a user may drop to save space; all else goes on without them."""

_HEADER_BYTES = 3 * 4096
"""DuckDB creates a file by writing three blocks of 4096 bytes; killed before, it leaves less."""


def create_store(path: Path) -> None:
    """Make an empty store with all tables and views at `path`, in one step.

    Raises `DiskFull`.
    """
    fresh = path.with_name(f".{path.name}.new-{os.getpid()}")
    _remove_unfinished(path)
    try:
        database = make_database(fresh)
        try:
            with database.transaction():
                for migration in migrations():
                    database.run(migration.sql)
                    _record(database, migration.version, migration.name, migration.sha256)
                _make_views(database)
            database.run("CHECKPOINT")
        finally:
            database.close()
        sync_file(fresh)
        fresh.replace(path)
        sync_folder(path.absolute().parent)
    finally:
        _remove_unfinished(path)


def _remove_unfinished(path: Path) -> None:
    """Also what killed processes left: only who holds the merge lock makes a store."""
    for entry in path.absolute().parent.iterdir():
        if entry.name.startswith(f".{path.name}.new-"):
            entry.unlink(missing_ok=True)


def refresh_views(database: Database) -> None:
    """Make the views again when this clipstore's differ from the store's."""
    newest = database.frame(
        "SELECT sha256 FROM schema_version WHERE name = 'views' ORDER BY applied_at DESC LIMIT 1"
    )
    if newest["sha256"].to_list() != [views_sha256()]:
        with database.transaction():
            _make_views(database)
        database.run("CHECKPOINT")


def is_unfinished(path: Path) -> bool:
    """Whether the file is what a killed creation leaves: too short for a header, no log beside it.

    A short file with any other content is somebody's, and not this.
    """
    if wal_of(path).exists() or path.stat().st_size >= _HEADER_BYTES:
        return False
    data = path.read_bytes()
    return not data or (len(data) % 4096 == 0 and data[8:12] in (b"DUCK", bytes(4)))


def has_table(database: Database, name: str) -> bool:
    """Whether the store has this table; the user may have dropped those in DROPPABLE_TABLES."""
    return name in _table_names(database)


def check_tables(database: Database) -> None:
    """Whether this is a store that this version knows; views in the place of tables are not.

    Raises `StoreCorrupt` for another kind of database, `StoreTooNew` for a newer schema.
    """
    names = _table_names(database)
    if "schema_version" not in names:
        raise StoreCorrupt(
            database.path, "it is a DuckDB database, but not clipstore's: it has no schema_version"
        )
    newest = database.frame("SELECT max(version) AS version FROM schema_version")["version"][0]
    known = max(migration.version for migration in migrations())
    if newest is None or newest > known:
        raise StoreTooNew(database.path, f"schema {newest}", f"schema {known}")
    missing = sorted(TABLE_SCHEMAS.keys() - DROPPABLE_TABLES - names)
    if missing:
        raise StoreCorrupt(database.path, f"it lacks the table {', '.join(missing)}")


def _table_names(database: Database) -> set[str]:
    frame = database.frame(
        "SELECT table_name FROM duckdb_tables() "
        "WHERE database_name = current_database() AND schema_name = 'main'"
    )
    return set(frame["table_name"].to_list())


def _make_views(database: Database) -> None:
    for _, sql in views_in_order():
        database.run(sql)
    _record(database, max(m.version for m in migrations()), "views", views_sha256())


def _record(database: Database, version: int, name: str, sha256: str) -> None:
    database.run(
        "INSERT INTO schema_version VALUES ($version, $name, $sha256, now())",
        {"version": version, "name": name, "sha256": sha256},
    )


def wal_of(path: Path) -> Path:
    """DuckDB's log beside a database: a part of it while it exists."""
    return path.with_name(path.name + ".wal")
