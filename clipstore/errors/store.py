"""Failures of the database."""

from __future__ import annotations

from pathlib import Path

from clipstore.errors.base import ClipstoreError


class StoreMissing(ClipstoreError):
    """No database where one was expected."""

    exit_code = 10

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no database at {path}. Make one with `clipstore ingest RUNS`, or name another "
            "with --db FILE or the environment variable CLIPSTORE_DB."
        )


class StoreLocked(ClipstoreError):
    """Another process holds the database."""

    exit_code = 11

    def __init__(self, path: Path, holder: str, kept: str = "") -> None:
        super().__init__(
            f"{path} is held by {holder}. Close that program, or try again when it is done."
            + (f"\n{kept}" if kept else "")
        )


class StoreTooNew(ClipstoreError):
    """The database was written by a newer clipstore or DuckDB."""

    exit_code = 12

    def __init__(self, path: Path, found: str, known: str) -> None:
        super().__init__(
            f"{path} was written by a newer version ({found}; this one knows {known}). "
            "Upgrade with `pip install -U clipstore duckdb`; the file was not changed."
        )


class StoreTooOld(ClipstoreError):
    """The database was written by an older clipstore and cannot be upgraded now."""

    exit_code = 11

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} was written by an older clipstore and must be upgraded before it can be "
            f"read, which is not possible now: {why}\n"
            "Close what holds it and see that the file and its folder can be written, then run "
            "this again; no score is lost."
        )


class StoreCorrupt(ClipstoreError):
    """The file is not a database, or a damaged one."""

    exit_code = 13

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} cannot be read as a clipstore database: {why}\n"
            "The file was not changed. The pictures are the source: `clipstore ingest RUNS "
            "--db NEWFILE` makes it again."
        )


class DiskFull(ClipstoreError):
    """No space left where clipstore must write."""

    exit_code = 14

    def __init__(self, path: Path, kept: str) -> None:
        super().__init__(f"no space left while writing {path}. {kept} Free space and run again.")
