"""The store: nothing acknowledged is lost, nothing is there twice, readers never wait for long."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from clipstore.errors import (
    PathMissing,
    QueryError,
    StoreCorrupt,
    StoreLocked,
    StoreMissing,
    StoreTooNew,
)
from clipstore.storage.spool import NULLABLE_COLUMNS, TABLE_SCHEMAS, list_parts, spool_folder
from clipstore.storage.sqlfiles import migrations
from clipstore.storage.store import (
    check_store,
    default_store_path,
    merge_parts,
    open_current,
    open_store,
    run_query,
)
from tests.store_rows import (
    MODEL,
    NOON,
    frame,
    ingest_row,
    model_row,
    prompt_rows,
    run_id_of,
    run_row,
    score_rows,
    write_rows,
)

TEXTS = {"cat": "a cat", "dog": "a dog"}
WORLD = {"models": [model_row()], "runs": [run_row("a", lr=1e-4)], **prompt_rows("a", TEXTS)}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "x.duckdb"


@pytest.fixture(scope="module")
def three_scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("three") / "x.duckdb"
    write_rows(store, WORLD, score_rows("a", 100, {"cat": 0.3, "dog": [0.2, 0.25]}, TEXTS))
    merge_parts(store, wait_seconds=0)
    return store


@pytest.fixture
def filled(three_scores: Path, store: Path) -> Path:
    """A store with three scores of run a at step 100."""
    shutil.copy(three_scores, store)
    return store


def count(store: Path, table: str) -> int:
    with open_store(store) as reader:
        return int(reader.frame(f"SELECT count(*) FROM {table}").item())  # noqa: S608


def in_another_process(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def held_by_another_process(store: Path, *, read_only: bool) -> Iterator[int]:
    """A program with the database open, as a forgotten SQL client is; yields its PID."""
    code = """
        import sys, duckdb
        connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "True")
        print("open", flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(store), str(read_only)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    try:
        yield process.pid
    finally:
        process.communicate()


# Which database


def test_the_option_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CLIPSTORE_DB", raising=False)
    assert default_store_path(None) == Path("clipstore.duckdb")
    monkeypatch.setenv("CLIPSTORE_DB", "/data/e.duckdb")
    assert default_store_path(None) == Path("/data/e.duckdb")
    assert default_store_path(Path("o.duckdb")) == Path("o.duckdb")


# Making a store


def test_a_merge_makes_the_store_and_leaves_nothing_else_behind(store: Path) -> None:
    merge_parts(store, wait_seconds=0)
    assert sorted(path.name for path in store.parent.iterdir()) == ["x.duckdb", "x.duckdb.lock"]


def test_the_file_has_the_format_that_duckdb_opens_since_1_1(filled: Path) -> None:
    tags = run_query(filled, "SELECT tags['storage_version'] AS v FROM duckdb_databases()")
    assert "v1.0.0+" in tags["v"].to_list()


def test_the_tables_are_those_that_parts_carry(store: Path) -> None:
    merge_parts(store, wait_seconds=0)
    for table, schema in TABLE_SCHEMAS.items():
        assert run_query(store, f"FROM {table}").schema == schema, table
        columns = run_query(store, f"DESCRIBE {table}")
        optional = columns.filter(pl.col("null") == "YES")["column_name"].to_list()
        assert set(optional) == NULLABLE_COLUMNS.get(table, frozenset()), table


def test_every_table_and_every_column_is_explained(store: Path) -> None:
    merge_parts(store, wait_seconds=0)
    bare = run_query(
        store,
        """
        SELECT table_name AS what FROM duckdb_tables() WHERE comment IS NULL AND NOT internal
        UNION ALL SELECT view_name FROM duckdb_views() WHERE comment IS NULL AND NOT internal
        UNION ALL
        SELECT table_name || '.' || column_name FROM duckdb_columns()
        WHERE comment IS NULL AND NOT internal
        """,
    )
    assert bare["what"].to_list() == []
    assert run_query(store, "SELECT 1 FROM duckdb_columns() WHERE NOT internal").height > 150


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_a_leftover_of_a_killed_creation_is_made_again(store: Path, blocks: int) -> None:
    whole = store.with_name("whole.duckdb")
    duckdb.connect(os.fspath(whole)).close()
    store.write_bytes(whole.read_bytes()[: blocks * 4096])
    write_rows(store, WORLD)
    report = merge_parts(store, wait_seconds=0)
    assert (report.n_parts_merged, report.recreated) == (1, True)
    assert count(store, "runs") == 1


def test_a_short_file_with_a_log_beside_it_is_not_touched(store: Path) -> None:
    store.write_bytes(b"")
    log = store.with_name("x.duckdb.wal")
    log.write_bytes(b"rows that someone may want")
    write_rows(store, WORLD)
    with pytest.raises(StoreCorrupt):
        merge_parts(store, wait_seconds=0)
    assert (store.read_bytes(), log.read_bytes()) == (b"", b"rows that someone may want")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PathMissing, match="nowhere"):
        merge_parts(tmp_path / "nowhere" / "x.duckdb", wait_seconds=0)


# Merging


def test_a_merge_brings_every_row_and_empties_the_spool(store: Path) -> None:
    write_rows(store, WORLD, {"ingests": [ingest_row(n_scored=3)]})
    write_rows(store, score_rows("a", 100, {"cat": 0.3, "dog": [0.2, 0.25]}, TEXTS))
    report = merge_parts(store, wait_seconds=0)
    assert (report.n_parts_merged, report.n_parts_waiting, report.holder) == (2, 0, None)
    assert list_parts(spool_folder(store)) == ()
    sizes = {table: count(store, table) for table in TABLE_SCHEMAS}
    assert sizes == {
        "models": 1,
        "runs": 1,
        "prompts": 2,
        "run_prompts": 2,
        "prompt_tokens": 2,
        "images": 3,
        "scores": 3,
        "embeddings": 3,
        "text_embeddings": 0,
        "problems": 0,
        "ingests": 1,
        "verdicts": 0,
        "calibrations": 0,
        "scalars": 0,
        "config": 0,
        "log_files": 0,
        "logged_pictures": 0,
        "picture_copies": 0,
        "step_intervals": 0,
        "best_checkpoints": 0,
        "run_differences": 0,
    }
    assert check_store(store) == ()


def test_what_comes_back_is_what_went_in(store: Path) -> None:
    rows = score_rows("a", 100, {"cat": 0.3}, TEXTS)
    rows["images"][0] |= {"notes": ["label_overlay", "é"], "epoch": 4}
    write_rows(store, rows)
    merge_parts(store, wait_seconds=0)
    with open_store(store) as reader:
        for table in ("images", "scores", "embeddings"):
            assert reader.frame(f"FROM {table}").equals(frame(table, rows[table]))


def test_merging_the_same_rows_again_adds_nothing(filled: Path) -> None:
    write_rows(filled, WORLD, score_rows("a", 100, {"cat": 0.3, "dog": [0.2, 0.25]}, TEXTS))
    later = NOON + timedelta(hours=1)
    write_rows(filled, score_rows("a", 100, {"cat": 0.3, "dog": [0.2, 0.25]}, TEXTS, at=later))
    assert merge_parts(filled, wait_seconds=0).n_parts_merged == 2
    assert {table: count(filled, table) for table in ("images", "scores", "embeddings")} == {
        "images": 3,
        "scores": 3,
        "embeddings": 3,
    }
    assert {table: count(filled, table) for table in WORLD} == {
        "models": 1,
        "runs": 1,
        "prompts": 2,
        "run_prompts": 2,
        "prompt_tokens": 2,
    }


def test_a_part_whose_name_is_in_the_store_is_only_deleted(filled: Path) -> None:
    """As after a crash between the commit and the deletion, with other rows to make it visible."""
    done = run_query(filled, "SELECT part FROM ingest_parts").item()
    part = write_rows(filled, score_rows("a", 200, {"cat": 0.1}, TEXTS))
    part.rename(part.with_name(done))
    merge_parts(filled, wait_seconds=0)
    assert list_parts(spool_folder(filled)) == ()
    assert count(filled, "scores") == 3


def test_columns_that_are_null_in_one_part_and_not_in_another_merge(store: Path) -> None:
    with_epoch = score_rows("a", 200, {"cat": 0.3}, TEXTS)
    with_epoch["images"][0]["epoch"] = 3
    write_rows(store, score_rows("a", 100, {"cat": 0.3}, TEXTS))
    write_rows(store, with_epoch)
    merge_parts(store, wait_seconds=0)
    found = run_query(store, "SELECT step, epoch FROM images ORDER BY step")
    assert found.rows() == [(100, None), (200, 3)]


@pytest.mark.parametrize("merge_each", [True, False])
def test_a_picture_drawn_again_counts_with_its_newest_pixels(store: Path, merge_each: bool) -> None:
    """A, then B, then A again: as when a run is resumed from a checkpoint and drawn over."""
    write_rows(store, WORLD)
    for hour, (pixels, cosine) in enumerate([("A", 0.1), ("B", 0.2), ("A", 0.1)]):
        at = NOON + timedelta(hours=hour)
        write_rows(store, score_rows("a", 100, {"cat": cosine}, TEXTS, at=at, pixels=pixels))
        if merge_each:
            merge_parts(store, wait_seconds=0)
    merge_parts(store, wait_seconds=0)
    current = run_query(store, "SELECT cosine, scored_at FROM current_scores")
    assert current.rows() == [(pytest.approx(0.1), NOON + timedelta(hours=2))]
    image = run_query(store, "SELECT seen_at FROM current_images")
    assert image.item() == NOON + timedelta(hours=2)
    assert count(store, "scores") == (3 if merge_each else 2)
    assert check_store(store) == ()


def test_a_late_part_does_not_bring_back_old_pixels(store: Path) -> None:
    new = score_rows("a", 100, {"cat": 0.2}, TEXTS, at=NOON + timedelta(hours=1), pixels="B")
    for rows in (WORLD, new, score_rows("a", 100, {"cat": 0.1}, TEXTS, pixels="A")):
        write_rows(store, rows)
        merge_parts(store, wait_seconds=0)
    assert run_query(store, "SELECT cosine FROM current_scores").item() == pytest.approx(0.2)


def test_old_rows_that_come_a_second_time_are_known_though_newer_pixels_came_since(
    store: Path,
) -> None:
    old = score_rows("a", 100, {"cat": 0.1}, TEXTS, pixels="A")
    new = score_rows("a", 100, {"cat": 0.2}, TEXTS, at=NOON + timedelta(hours=1), pixels="B")
    for rows in (WORLD, old, new, old):
        write_rows(store, rows)
        merge_parts(store, wait_seconds=0)
    assert (count(store, "scores"), count(store, "images")) == (2, 2)


def test_a_run_described_anew_replaces_the_old_description(filled: Path) -> None:
    write_rows(filled, {"runs": [run_row("a", NOON + timedelta(hours=1), lr=2e-4)]})
    merge_parts(filled, wait_seconds=0)
    assert run_query(filled, "SELECT config FROM runs").item() == '{"lr": 0.0002}'
    write_rows(filled, {"runs": [run_row("a", NOON + timedelta(minutes=1), lr=9.0)]})
    merge_parts(filled, wait_seconds=0)
    assert run_query(filled, "SELECT config FROM runs").item() == '{"lr": 0.0002}'


def test_an_edited_prompt_is_another_text_and_the_newest_holds(filled: Path) -> None:
    later = prompt_rows("a", {"cat": "a black cat"}, NOON + timedelta(hours=1))
    write_rows(filled, later)
    merge_parts(filled, wait_seconds=0)
    texts = run_query(
        filled,
        "SELECT text FROM run_prompts JOIN prompts USING (text_id) "
        "WHERE prompt_id = 'cat' ORDER BY seen_at",
    )
    assert texts["text"].to_list() == ["a cat", "a black cat"]


def test_an_ingest_that_finished_replaces_its_unfinished_row(store: Path) -> None:
    for finished, scored in ((None, 2), (NOON, 5)):
        write_rows(store, {"ingests": [ingest_row(n_scored=scored) | {"finished_at": finished}]})
        merge_parts(store, wait_seconds=0)
    found = run_query(store, "SELECT n_scored, finished_at FROM ingests")
    assert found.rows() == [(5, NOON)]


def test_without_the_table_of_embeddings_all_else_goes_on(filled: Path) -> None:
    connection = duckdb.connect(os.fspath(filled))
    connection.execute("DROP TABLE embeddings")
    connection.close()
    write_rows(filled, score_rows("a", 200, {"cat": 0.4}, TEXTS))
    assert merge_parts(filled, wait_seconds=0).n_parts_merged == 1
    assert count(filled, "scores") == 4
    with open_current(filled) as reader:
        model = {"model_id": MODEL.model_id}
        assert reader.read("known_crops", model).rows() == []
        assert reader.read("vectors_of_crops", {**model, "ids": [1]}).rows() == []
    assert check_store(filled) == ()


def test_a_part_that_cannot_be_read_is_put_aside_and_stops_no_other(filled: Path) -> None:
    broken = write_rows(filled, score_rows("a", 200, {"cat": 0.1}, TEXTS))
    (broken / "scores.parquet").write_bytes(b"PAR1 and no more")
    write_rows(filled, score_rows("a", 300, {"cat": 0.2}, TEXTS))
    report = merge_parts(filled, wait_seconds=0)
    assert report.n_parts_merged == 1
    assert report.quarantined == (spool_folder(filled) / "quarantine" / broken.name,)
    assert "scores.parquet cannot be read" in (report.quarantined[0] / "why.txt").read_text()
    assert count(filled, "scores") == 4
    assert merge_parts(filled, wait_seconds=0).quarantined == ()


def test_a_part_that_duckdb_refuses_is_put_aside_and_stops_no_other(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should polars ever let something through that DuckDB does not."""
    bad = write_rows(filled, score_rows("a", 200, {"cat": 0.1}, TEXTS))
    scores = pl.read_parquet(bad / "scores.parquet")
    scores.with_columns(cosine=pl.lit(float("nan"), pl.Float32)).write_parquet(
        bad / "scores.parquet"
    )
    write_rows(filled, score_rows("a", 300, {"cat": 0.2}, TEXTS))
    monkeypatch.setattr("clipstore.storage.merge.part_fault", lambda _part: None)
    report = merge_parts(filled, wait_seconds=0)
    assert (report.n_parts_merged, len(report.quarantined)) == (1, 1)
    assert "CHECK" in (report.quarantined[0] / "why.txt").read_text()
    # Its images must not have gone in without its scores.
    assert run_query(filled, "SELECT DISTINCT step FROM images ORDER BY 1")["step"].to_list() == [
        100,
        300,
    ]


def test_views_that_changed_with_clipstore_are_made_again(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = (("run_names", "CREATE OR REPLACE VIEW run_names AS SELECT name FROM runs"),)
    monkeypatch.setattr("clipstore.storage.schema.views_in_order", lambda: changed)
    monkeypatch.setattr("clipstore.storage.schema.views_sha256", lambda: "another")
    write_rows(filled, {"runs": [run_row("b")]})
    merge_parts(filled, wait_seconds=0)
    assert run_query(filled, "FROM run_names ORDER BY 1")["name"].to_list() == ["a", "b"]


@pytest.mark.parametrize("room", [0, 50_000, 400_000])
def test_a_disk_that_fills_during_a_merge_loses_nothing(filled: Path, room: int) -> None:
    """A limit on file sizes stands in for the full disk."""
    code = """
        import resource, signal, sys
        from pathlib import Path
        from clipstore.errors import DiskFull
        from clipstore.storage.store import merge_parts
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store, limit = Path(sys.argv[1]), int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            merge_parts(store, wait_seconds=0)
        except DiskFull as error:
            print(error.exit_code)
    """
    chance = random.Random(9)
    texts = {f"{chance.random()}": "x" for _ in range(3000)}
    write_rows(filled, score_rows("a", 200, {p: chance.random() for p in texts}, texts))
    limit = filled.stat().st_size + room
    process = in_another_process(code, filled, limit if room else 4096)
    assert process.communicate() == ("14\n", "")
    assert len(list_parts(spool_folder(filled))) == 1
    assert merge_parts(filled, wait_seconds=0).n_parts_merged == 1
    assert count(filled, "scores") == 3003
    assert run_query(filled, "SELECT count(*) FROM (SELECT DISTINCT * FROM scores)").item() == 3003


# Several programs at once


@pytest.mark.parametrize("read_only", [True, False])
def test_parts_stay_while_another_program_holds_the_database(filled: Path, read_only: bool) -> None:
    write_rows(filled, score_rows("a", 200, {"cat": 0.1, "dog": 0.2}, TEXTS))
    with held_by_another_process(filled, read_only=read_only) as pid:
        report = merge_parts(filled, wait_seconds=0)
        assert (report.n_parts_merged, report.n_parts_waiting, report.n_scores_waiting) == (0, 1, 2)
        assert report.holder is not None
        assert f"(PID {pid})" in report.holder
        assert "/" not in report.holder
    assert merge_parts(filled, wait_seconds=0).n_parts_merged == 1
    assert count(filled, "scores") == 5


def test_a_reader_of_a_held_database_is_told_who_holds_it(filled: Path) -> None:
    write_rows(filled, score_rows("a", 200, {"cat": 0.1}, TEXTS))
    with (
        held_by_another_process(filled, read_only=False) as pid,
        pytest.raises(StoreLocked) as refusal,
        open_current(filled),
    ):
        pass
    assert f"(PID {pid})" in str(refusal.value)
    assert "1 scores are safe in" in str(refusal.value)


def test_readers_beside_another_reader_see_the_store_and_say_that_scores_wait(
    filled: Path,
) -> None:
    write_rows(filled, score_rows("a", 200, {"cat": 0.1}, TEXTS))
    with held_by_another_process(filled, read_only=True), open_current(filled) as reader:
        assert reader.frame("SELECT count(*) FROM scores").item() == 3
        assert reader.merge is not None
        assert reader.merge.n_scores_waiting == 1


def test_a_reader_merges_what_waits_before_it_reads(filled: Path) -> None:
    write_rows(filled, score_rows("a", 200, {"cat": 0.1}, TEXTS))
    assert run_query(filled, "SELECT count(*) FROM scores").item() == 4


def test_a_merge_waits_as_long_as_it_was_told_for_another_clipstore(filled: Path) -> None:
    code = """
        import fcntl, os, sys, time
        with open(sys.argv[1], "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(str(os.getpid()))
            file.flush()
            print("held", flush=True)
            time.sleep(0.8)
    """
    write_rows(filled, score_rows("a", 200, {"cat": 0.1}, TEXTS))
    other = in_another_process(code, filled.with_name("x.duckdb.lock"))
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    assert merge_parts(filled, wait_seconds=0).holder == f"another clipstore (PID {other.pid})"
    assert merge_parts(filled, wait_seconds=20).n_parts_merged == 1
    other.communicate()


def test_this_process_lets_go_of_the_file_even_after_a_failed_query(filled: Path) -> None:
    with open_store(filled) as reader, pytest.raises(QueryError) as kept:
        reader.frame("SELECT nothing FROM scores")
    assert "nothing" in str(kept.value)  # the error is alive, and with it its traceback
    with held_by_another_process(filled, read_only=False):
        pass


WRITER = """
    import sys
    from pathlib import Path
    from clipstore.storage.store import merge_parts
    from tests.store_rows import model_row, prompt_rows, run_row, score_rows, write_rows
    store, run, first, last, log = sys.argv[1:]
    store = Path(store)
    texts = {f"p{i}": f"prompt {i}" for i in range(20)}
    for step in range(int(first), int(last)):
        write_rows(
            store,
            {"models": [model_row()], "runs": [run_row(run)], **prompt_rows(run, texts)},
            score_rows(run, step, {prompt: 0.25 for prompt in texts}, texts),
        )
        with open(log, "a") as file:  # acknowledged
            file.write(f"{step}\\n")
        merge_parts(store, wait_seconds=0)
    print(merge_parts(store, wait_seconds=30).n_parts_waiting)
"""


def test_killed_at_any_moment_the_store_keeps_every_acknowledged_batch_once(store: Path) -> None:
    chance = random.Random(20260102)
    log = store.with_name("acknowledged")
    log.touch()
    for _ in range(8):
        done = len(log.read_text().split())
        process = in_another_process(WRITER, store, "a", done, 10_000, log)
        started = time.monotonic()
        # Death comes at a random moment after the first batch of this process.
        while len(log.read_text().split()) == done:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() - started < 30
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert merge_parts(store, wait_seconds=5).n_parts_waiting == 0
    acknowledged = {int(step) for step in log.read_text().split()}
    assert len(acknowledged) >= 8
    found = run_query(store, "SELECT step, count(*) AS n FROM scores GROUP BY step")
    stored = dict(found.iter_rows())
    assert acknowledged <= stored.keys()
    assert set(stored.values()) == {20}
    # A batch that was in work when death came may be there too; no other.
    assert len(stored.keys() - acknowledged) <= 8
    assert check_store(store) == ()
    assert list(store.parent.glob(".x.duckdb.new-*")) == []


def test_two_ingests_and_a_reader_get_along(store: Path) -> None:
    merge_parts(store, wait_seconds=0)
    log = store.with_name("log")
    # Both also score the same run: what one of them stored, the other must not store again.
    ingests = [
        in_another_process(WRITER, store, run, first, first + 8, log)
        for run, first in (("a", 0), ("a", 4))
    ]
    seen = [0]
    while any(process.poll() is None for process in ingests):
        with open_store(store) as reader:
            seen.append(reader.frame("SELECT count(*) FROM scores").item())
        time.sleep(0.05)
    assert [process.communicate() for process in ingests] == [("0\n", ""), ("0\n", "")]
    assert seen == sorted(seen)
    assert all(number % 20 == 0 for number in seen)
    assert count(store, "scores") == 12 * 20
    assert count(store, "images") == 12 * 20
    assert check_store(store) == ()


# Files that are not a store


def test_a_missing_store_says_how_to_make_one(store: Path) -> None:
    with pytest.raises(StoreMissing, match="clipstore ingest"), open_current(store):
        pass


def make_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()


def make_foreign_duckdb(path: Path) -> None:
    connection = duckdb.connect(os.fspath(path))
    connection.execute("CREATE TABLE t (a INT)")
    connection.close()


def make_truncated(path: Path) -> None:
    write_rows(path, WORLD)
    merge_parts(path, wait_seconds=0)
    path.write_bytes(path.read_bytes()[:300_000])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_sqlite, "it is an SQLite database"),
        (lambda path: path.write_text("step,score\n1,0.3\n"), "it is not a DuckDB database"),
        (lambda path: path.write_bytes(bytes(range(256)) * 400), "it is not a DuckDB database"),
        (make_truncated, "Could not read enough bytes"),
        (make_foreign_duckdb, "but not clipstore's"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_not_changed(store, make, said) -> None:
    make(store)
    before = store.read_bytes()
    write_rows(store, WORLD)
    with pytest.raises(StoreCorrupt) as refusal:
        merge_parts(store, wait_seconds=0)
    assert said in str(refusal.value)
    with pytest.raises(StoreCorrupt), open_current(store):
        pass
    assert store.read_bytes() == before
    assert len(list_parts(spool_folder(store))) == 1


def test_a_folder_as_the_store_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path, WORLD)
    with pytest.raises(PathMissing, match="is not a database file"):
        merge_parts(tmp_path, wait_seconds=0)


def test_a_store_of_a_newer_clipstore_is_left_alone(filled: Path) -> None:
    connection = duckdb.connect(os.fspath(filled))
    known = max(each.version for each in migrations())
    connection.execute(
        "INSERT INTO schema_version VALUES ($version, 'later', 'x', now())", {"version": known + 1}
    )
    connection.close()
    before = filled.read_bytes()
    write_rows(filled, WORLD)
    with pytest.raises(StoreTooNew, match=f"schema {known + 1}; this one knows schema {known}"):
        merge_parts(filled, wait_seconds=0)
    with pytest.raises(StoreTooNew), open_store(filled):
        pass
    assert filled.read_bytes() == before


@pytest.mark.parametrize("version", [70, 999])
def test_a_file_of_a_newer_duckdb_asks_for_an_upgrade(
    filled: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In DuckDB's own words: no older DuckDB is here to say them of a real file."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise duckdb.IOException(
            f"IO Error: Trying to read a database file with version number {version}, but we can "
            "only read versions between 64 and 68.\nThe database file was created with DuckDB v2."
        )

    monkeypatch.setattr("clipstore.storage.opening.duckdb.connect", refuse)
    with (
        pytest.raises(StoreTooNew, match=f"storage version {version}; this one knows 64 to 68"),
        open_store(filled),
    ):
        pass


def test_views_in_the_place_of_tables_are_no_store(filled: Path) -> None:
    connection = duckdb.connect(os.fspath(filled))
    connection.execute("ALTER TABLE runs RENAME TO others")
    connection.execute("CREATE VIEW runs AS SELECT * FROM others")
    connection.close()
    with pytest.raises(StoreCorrupt, match="lacks the table runs"), open_store(filled):
        pass


def test_flipped_bits_are_found_or_harmless_but_never_read_as_numbers(store: Path) -> None:
    chance = random.Random(5)
    texts = {f"p{i}": f"prompt {i}" for i in range(400)}
    scores = score_rows("a", 1, {prompt: chance.random() for prompt in texts}, texts)
    write_rows(store, {**WORLD, **prompt_rows("a", texts)}, scores)
    merge_parts(store, wait_seconds=0)
    sound = store.read_bytes()
    rows = "SELECT * FROM scores JOIN images USING (prompt_id) ORDER BY ALL"
    before = run_query(store, rows)
    outcomes = []
    for _ in range(16):
        flipped = bytearray(sound)
        flipped[chance.randrange(len(sound))] ^= 1 << chance.randrange(8)
        store.write_bytes(flipped)
        try:
            findings = check_store(store)
        except StoreCorrupt:
            outcomes.append("does not open")
            continue
        if findings:
            assert "is damaged" in findings[0]
            outcomes.append("found by the check")
        else:
            assert run_query(store, rows).equals(before)
            outcomes.append("unused space")
    assert {"does not open", "found by the check"} <= set(outcomes)


# Asking


def test_sql_can_neither_write_nor_reach_files_nor_unlock_itself(
    filled: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for statement in (
        "DELETE FROM scores",
        "CREATE TABLE t (a INT)",
        f"FROM read_csv('{secret}')",
        f"FROM '{secret}'",
        f"COPY scores TO '{tmp_path / 'out.csv'}'",
        f"ATTACH '{tmp_path / 'other.duckdb'}'",
        f"EXPORT DATABASE '{tmp_path / 'export'}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
    ):
        with pytest.raises(QueryError):
            run_query(filled, statement)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "secret.csv",
        "x.duckdb",
    ]


def test_a_query_error_is_one_line_of_duckdb_and_names_what_was_meant(filled: Path) -> None:
    with pytest.raises(QueryError) as refusal:
        run_query(filled, "SELECT *\nFROM score")
    first = str(refusal.value).splitlines()[0]
    assert "Table with name score does not exist" in first
    assert 'Did you mean "scores' in first


def test_times_are_utc_wherever_the_user_is(filled: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from clipstore.storage.store import run_query
        sql = "SELECT seen_at, seen_at::VARCHAR AS t, seen_at::DATE::VARCHAR AS d FROM runs"
        frame = run_query(Path(sys.argv[1]), sql)
        print(frame.dtypes[0].time_zone, *frame.row(0)[1:])
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), filled],
        capture_output=True,
        text=True,
        env={**os.environ, "TZ": "Pacific/Kiritimati"},
        check=True,
    )
    assert process.stdout == "UTC 2026-01-02 12:00:00+00 2026-01-02\n"


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("SELECT 1 AS a, 2 AS a", {"a": 1, "a_2": 2}),
        ("SELECT sum(range) AS s, 1.5 AS d FROM range(3)", {"s": 3, "d": 1.5}),
        ("SELECT INTERVAL 3 DAY AS i", {"i": "3 days"}),
        ("SELECT union_value(k := 1) AS u, '101'::BIT AS b", {"u": "1", "b": "101"}),
        ("SELECT TIMESTAMPTZ '2026-01-02 12:00:00+00' AS t", {"t": NOON}),
        ("SELECT $x AS x", {"x": None}),
        ("SELECT 1 AS a; SELECT 2 AS b", {"b": 2}),
    ],
)
def test_whatever_is_asked_comes_back_as_values(filled: Path, sql: str, row: object) -> None:
    assert run_query(filled, sql).to_dicts() == [row]


@pytest.mark.parametrize(
    "sql",
    ["SHOW TABLES", "DESCRIBE scores", "SUMMARIZE scores", "EXPLAIN FROM scores", "FROM runs"],
)
def test_statements_that_describe_work_as_queries(filled: Path, sql: str) -> None:
    assert run_query(filled, sql).height > 0


def test_an_empty_statement_is_an_empty_answer(filled: Path) -> None:
    assert run_query(filled, "-- nothing").shape == (0, 0)


def test_known_images_are_those_with_a_score_by_this_model(filled: Path) -> None:
    with open_store(filled) as reader:
        known = reader.read(
            "known_images", {"model_id": MODEL.model_id, "run_ids": [run_id_of("a")]}
        )
        nothing = reader.read("known_images", {"model_id": 1, "run_ids": [run_id_of("a")]})
        other_run = reader.read("known_images", {"model_id": MODEL.model_id, "run_ids": [5]})
    assert known["path"].to_list() == [
        "step_000100/only-cat-0.png",
        "step_000100/only-dog-0.png",
        "step_000100/only-dog-1.png",
    ]
    assert (nothing.height, other_run.height) == (0, 0)


def test_nothing_is_printed_when_python_exits(filled: Path) -> None:
    """duckdb 2.0 lists "leaked" objects on stderr when something outlives its module."""
    code = """
        import sys
        from pathlib import Path
        from clipstore.errors import QueryError
        from clipstore.storage.store import merge_parts, open_current, run_query
        store = Path(sys.argv[1])
        merge_parts(store, wait_seconds=0)
        frame = run_query(store, "FROM scores")
        run_query(store, "SELECT INTERVAL 1 DAY AS a, 2 AS a")
        try:
            run_query(store, "FROM nowhere")
        except QueryError as error:
            kept = error
        with open_current(store) as reader:
            names = reader.read("run_names")
            sys.exit(3)
    """
    done = in_another_process(code, filled)
    assert (*done.communicate(), done.returncode) == ("", "", 3)
