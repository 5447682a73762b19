"""From the spool into the database: short transactions under one lock.

Invariants: merging a part twice adds nothing; a part is deleted only after the commit that took it
in; a part that cannot go in is put aside and stops no other. The lock is on a file of its own,
because the database's own lock is lost when anything closes the database's file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clipstore.errors import OutputError, PathMissing
from clipstore.storage.opening import Database, DatabaseHeld, RowsRefused, open_database
from clipstore.storage.schema import (
    DROPPABLE_TABLES,
    check_tables,
    create_store,
    has_table,
    is_unfinished,
    upgrade_store,
)
from clipstore.storage.spool import (
    count_scores,
    list_parts,
    part_fault,
    quarantine_part,
    remove_parts,
    spool_folder,
)
from clipstore.storage.sqlfiles import read_statement
from clipstore.storage.tables import TABLE_SCHEMAS

PARTS_PER_TRANSACTION = 64
"""Bounds the memory of a merge: 64 parts of 512 pictures with vectors are 100 MB."""
_SHORTEST_WAIT_S = 0.2
"""A reader that polls holds the file for a few milliseconds: not a reason to give up."""
_RETRY_S = 0.02


@dataclass(frozen=True)
class MergeReport:
    """What a merge did, and what it had to leave."""

    n_parts_merged: int = 0
    n_parts_waiting: int = 0
    """Parts that stay in the spool, complete, for the next merge."""
    n_scores_waiting: int = 0
    holder: str | None = None
    """Who holds the database, as in "python3.11 (PID 4711)"; None when nobody stood in the way."""
    quarantined: tuple[Path, ...] = ()
    """Where parts were put that cannot go in; `why.txt` in each says why."""
    recreated: bool = False
    """The store was a leftover of a creation that was killed, and was made again."""


def merge_parts(store: Path, *, wait_seconds: float, upgrade: bool = False) -> MergeReport:
    """Move all parts of the spool into the store; make the store if there is none.

    A store of an older clipstore is upgraded first; with `upgrade` also when no part waits.

    Waits up to `wait_seconds` for other programs to let go of the database. If they do not, the
    parts stay and the report says who holds it. Raises `StoreCorrupt`, `StoreTooNew`, `DiskFull`,
    `PathMissing`, `OutputError`; the parts stay then too.
    """
    spool = spool_folder(store)
    if not list_parts(spool) and _is_there(store) and not upgrade:
        return MergeReport()
    if not store.absolute().parent.is_dir():
        raise PathMissing(store.absolute().parent, "a folder to keep the database in")
    deadline = time.monotonic() + max(wait_seconds, _SHORTEST_WAIT_S)
    with _merge_lock(store, deadline) as holder:
        if holder is not None:
            return _waiting(spool, holder)
        recreated = store.exists() and not _is_there(store)
        if not _is_there(store):
            create_store(store)
        parts = list_parts(spool)
        try:
            merged, quarantined = _merge(store, parts, deadline)
        except DatabaseHeld as held:
            return _waiting(spool, held.holder, recreated=recreated)
    return MergeReport(len(merged), quarantined=quarantined, recreated=recreated)


def _is_there(store: Path) -> bool:
    return store.exists() and (store.is_dir() or not is_unfinished(store))


def _waiting(spool: Path, holder: str, *, recreated: bool = False) -> MergeReport:
    parts = list_parts(spool)
    return MergeReport(0, len(parts), count_scores(parts), holder, recreated=recreated)


def _merge(
    store: Path, parts: Sequence[Path], deadline: float
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """(merged, quarantined) parts. Raises `DatabaseHeld`."""
    faults = {part: fault for part in parts if (fault := part_fault(part)) is not None}
    database = open_database(store, deadline=deadline, readable_folder=spool_folder(store))
    with closing(database):
        upgrade_store(database)
        check_tables(database)
        sound = [part for part in parts if part not in faults]
        for start in range(0, len(sound), PARTS_PER_TRANSACTION):
            faults |= _take_in(database, sound[start : start + PARTS_PER_TRANSACTION])
        database.run("CHECKPOINT")
    merged = tuple(part for part in parts if part not in faults)
    remove_parts(merged)
    return merged, tuple(quarantine_part(part, why) for part, why in faults.items())


def _take_in(database: Database, parts: Sequence[Path]) -> dict[Path, str]:
    """Merge these parts in one transaction, or each in its own if one of them spoils it.

    Returns why the parts that did not go in did not.
    """
    done = set(database.frame("SELECT part FROM ingest_parts")["part"].to_list())
    new = [part for part in parts if part.name not in done]
    if not new:
        return {}
    try:
        with database.transaction():
            _insert(database, new)
    except RowsRefused as refusal:
        if len(new) == 1:
            return {new[0]: str(refusal)}
        faults: dict[Path, str] = {}
        for part in new:
            faults |= _take_in(database, [part])
        return faults
    return {}


def _insert(database: Database, parts: Sequence[Path]) -> None:
    with_images: list[str] = []
    # What this transaction brings in is not seen from outside of it: so both are asked.
    has_logged_pictures = database.frame("SELECT 1 FROM logged_pictures LIMIT 1").height > 0
    for table in TABLE_SCHEMAS:
        paths = (part.absolute() / f"{table}.parquet" for part in parts)
        files = [os.fspath(path) for path in paths if path.exists()]
        if files and (table not in DROPPABLE_TABLES or has_table(database, table)):
            database.run(read_statement("merge", table), {"files": files})
        if files and table == "images":
            with_images = files
        has_logged_pictures |= bool(files) and table == "logged_pictures"
    if with_images and has_logged_pictures:
        database.run(read_statement("merge", "same_pixels"), {"files": with_images})
    database.run(
        "INSERT INTO ingest_parts SELECT unnest($names::VARCHAR[])",
        {"names": [part.name for part in parts]},
    )


@contextmanager
def _merge_lock(store: Path, deadline: float) -> Iterator[str | None]:
    """Hold `<store>.lock` among clipstore's processes; yields who holds it instead, or None."""
    path = store.with_name(store.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield _lock_holder(descriptor)
                    return
                time.sleep(_RETRY_S)
            else:
                break
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield None
    finally:
        # Closing lets go of the lock; the file stays, because deleting it would let two in.
        os.close(descriptor)


def _lock_holder(descriptor: int) -> str:
    number = os.pread(descriptor, 20, 0).decode(errors="replace")
    return f"another clipstore (PID {number})" if number else "another clipstore"
