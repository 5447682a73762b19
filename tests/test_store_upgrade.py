"""A store of an older clipstore: brought up to date when it is opened, whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from clipstore.errors import StoreTooOld
from clipstore.storage import schema
from clipstore.storage.sqlfiles import Migration, migrations, ready_queries
from clipstore.storage.store import merge_parts, open_store, run_query
from tests.store_rows import model_row, prompt_rows, run_row, score_rows, write_rows

TEXTS = {"cat": "a cat", "dog": "a dog"}
WORLD = {"models": [model_row()], "runs": [run_row("a")], **prompt_rows("a", TEXTS)}
KNOWN = max(each.version for each in migrations())
NEXT = Migration(
    KNOWN + 1,
    "later",
    "CREATE TABLE later (x BIGINT); ALTER TABLE runs ADD COLUMN x BIGINT;",
    "sha",
)

KILLED_AT = """
    import os, sys
    from pathlib import Path
    from clipstore.storage import schema
    from clipstore.storage.opening import Database
    from clipstore.storage.sqlfiles import migrations
    from clipstore.storage.store import merge_parts
    from tests.test_store_upgrade import NEXT

    schema.migrations = lambda: (*migrations(), NEXT)
    run = Database.run

    def run_until(database, sql, parameters=None):
        if sql == sys.argv[2]:
            os._exit(9)
        run(database, sql, parameters)

    Database.run = run_until
    merge_parts(Path(sys.argv[1]), wait_seconds=1, upgrade=True)
"""


@pytest.fixture(scope="module")
def two_scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("two") / "x.duckdb"
    write_rows(store, WORLD, score_rows("a", 100, {"cat": 0.3, "dog": 0.2}, TEXTS))
    merge_parts(store, wait_seconds=1)
    return store


@pytest.fixture
def older(two_scores: Path, tmp_path: Path) -> Path:
    """A store that this clipstore wrote; `clipstore_went_on` makes it an older one."""
    store = tmp_path / "x.duckdb"
    shutil.copy(two_scores, store)
    return store


@pytest.fixture
def clipstore_went_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(schema, "migrations", lambda: (*migrations(), NEXT))
    yield


def versions(store: Path) -> list[int]:
    names = run_query(store, "SELECT version FROM schema_version WHERE name <> 'views' ORDER BY 1")
    return names["version"].to_list()


@pytest.mark.usefixtures("clipstore_went_on")
def test_it_is_upgraded_before_it_is_read_and_keeps_its_scores(older: Path) -> None:
    with open_store(older) as reader:
        assert reader.frame("SELECT count(*) FROM later").item() == 0
        assert reader.frame("SELECT name, x FROM runs").rows() == [("a", None)]
        assert reader.frame("SELECT count(*) FROM current_scores").item() == 2
    assert versions(older) == [*(each.version for each in migrations()), NEXT.version]


def test_a_store_from_before_copies_were_listed_gets_the_table(older: Path) -> None:
    connection = duckdb.connect(os.fspath(older))
    connection.execute("DROP TABLE picture_copies")
    connection.execute("DELETE FROM schema_version WHERE version >= 9")
    connection.close()
    copies = next(query.sql for query in ready_queries() if query.name == "copies")
    assert run_query(older, copies).is_empty()
    assert versions(older) == [each.version for each in migrations()]


@pytest.mark.usefixtures("clipstore_went_on")
def test_it_is_upgraded_once(older: Path) -> None:
    with open_store(older):
        pass
    before = older.read_bytes()
    with open_store(older):
        pass
    assert older.read_bytes() == before


@pytest.mark.usefixtures("clipstore_went_on")
def test_parts_that_wait_go_in_after_the_upgrade(older: Path) -> None:
    write_rows(older, score_rows("a", 200, {"cat": 0.3}, TEXTS))
    merge_parts(older, wait_seconds=1)
    assert versions(older)[-1] == NEXT.version
    assert run_query(older, "SELECT count(*) AS n FROM scores")["n"].to_list() == [3]


@pytest.mark.usefixtures("clipstore_went_on")
def test_while_another_program_holds_it_the_error_says_who_and_nothing_changes(
    older: Path,
) -> None:
    before = older.read_bytes()
    code = """
        import sys, duckdb
        connection = duckdb.connect(sys.argv[1], read_only=True)
        print("open", flush=True)
        sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(older)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(StoreTooOld, match=rf"held by .*\(PID {holder.pid}\)"), open_store(older):
        pass
    holder.communicate()
    assert older.read_bytes() == before


@pytest.mark.parametrize("moment", ["COMMIT", "CHECKPOINT"])
def test_killed_during_the_upgrade_it_is_the_older_or_the_newer_one(
    older: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_AT), str(older), moment],
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert killed.returncode == 9
    connection = duckdb.connect(os.fspath(older))
    tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
    connection.close()
    assert ("later" in tables) == (moment == "CHECKPOINT")
    monkeypatch.setattr(schema, "migrations", lambda: (*migrations(), NEXT))
    with open_store(older) as reader:
        assert reader.frame("SELECT count(*) FROM current_scores").item() == 2
    assert versions(older)[-1] == NEXT.version


def test_every_process_finds_the_same_views_current() -> None:
    """Else each would make them again, and wait where another one is reading."""
    code = "from clipstore.storage.sqlfiles import views_sha256; print(views_sha256())"
    hashes = {
        subprocess.check_output(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": str(seed)}
        )
        for seed in range(1, 6)
    }
    assert len(hashes) == 1


def test_views_of_an_older_clipstore_are_made_again_before_a_read(older: Path) -> None:
    connection = duckdb.connect(os.fspath(older))
    connection.execute("DROP VIEW run_summary")
    connection.execute("UPDATE schema_version SET sha256 = 'older' WHERE name = 'views'")
    connection.close()
    assert run_query(older, "SELECT run FROM run_summary")["run"].to_list() == ["a"]
