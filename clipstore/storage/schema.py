"""Making a store, knowing one, and keeping its views up to date.

Invariant: a store is made complete or not at all: under a hidden name, checkpointed, renamed.
Tables change only by a numbered file of `sql/schema`, all that a store lacks in one transaction;
views are made again whenever their text differs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from clipstore.errors import StoreCorrupt, StoreTooNew
from clipstore.storage.opening import Database, make_database
from clipstore.storage.spool import sync_file, sync_folder
from clipstore.storage.sqlfiles import Migration, migrations, views_in_order, views_sha256
from clipstore.storage.tables import TABLE_SCHEMAS

DROPPABLE_TABLES = frozenset({"embeddings", "text_embeddings"})
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
            _apply(database, migrations())
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


def upgrade_store(database: Database) -> None:
    """Bring an older store to this clipstore's tables and views; nothing to do for a current one.

    All or nothing: a store whose upgrade fails or is killed is the older one still. Needs the
    database open for writing. Raises `StoreCorrupt`, `StoreTooNew` as `check_identity` does.
    """
    version = check_identity(database)
    if is_outdated(database):
        _apply(database, [each for each in migrations() if each.version > version])


def is_outdated(database: Database) -> bool:
    """Whether tables or views are those of an older clipstore."""
    if lacks_tables(database):
        return True
    newest = database.frame(
        "SELECT sha256 FROM schema_version WHERE name = 'views' ORDER BY applied_at DESC LIMIT 1"
    )
    return newest["sha256"].to_list() != [views_sha256()]


def lacks_tables(database: Database) -> bool:
    """Whether the store's schema is older than this clipstore's, so that reads may fail."""
    return check_identity(database) < _known_version()


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


def check_identity(database: Database) -> int:
    """The version of the store's schema; views in the place of tables are no store.

    Raises `StoreCorrupt` for another kind of database, `StoreTooNew` for a newer schema.
    """
    if not has_table(database, "schema_version"):
        raise StoreCorrupt(
            database.path, "it is a DuckDB database, but not clipstore's: it has no schema_version"
        )
    newest = database.frame("SELECT max(version) AS version FROM schema_version")["version"][0]
    known = _known_version()
    if newest is None or newest > known:
        raise StoreTooNew(database.path, f"schema {newest}", f"schema {known}")
    return int(newest)


def check_tables(database: Database) -> None:
    """Raise `StoreCorrupt` when a current store lacks a table, or as `check_identity` does."""
    check_identity(database)
    missing = sorted(TABLE_SCHEMAS.keys() - DROPPABLE_TABLES - _table_names(database))
    if missing:
        raise StoreCorrupt(database.path, f"it lacks the table {', '.join(missing)}")


def _known_version() -> int:
    return max(migration.version for migration in migrations())


def _apply(database: Database, lacking: Sequence[Migration]) -> None:
    with database.transaction():
        for migration in lacking:
            database.run(migration.sql)
            _record(database, migration.version, migration.name, migration.sha256)
        _make_views(database)
    # Changes of tables are not left to the log: replaying those is where DuckDB was weakest.
    database.run("CHECKPOINT")


def _table_names(database: Database) -> set[str]:
    frame = database.frame(
        "SELECT table_name FROM duckdb_tables() "
        "WHERE database_name = current_database() AND schema_name = 'main'"
    )
    return set(frame["table_name"].to_list())


def _make_views(database: Database) -> None:
    for _, sql in views_in_order():
        database.run(sql)
    _record(database, _known_version(), "views", views_sha256())


def _record(database: Database, version: int, name: str, sha256: str) -> None:
    database.run(
        "INSERT INTO schema_version VALUES ($version, $name, $sha256, now())",
        {"version": version, "name": name, "sha256": sha256},
    )


def wal_of(path: Path) -> Path:
    """DuckDB's log beside a database: a part of it while it exists."""
    return path.with_name(path.name + ".wal")
