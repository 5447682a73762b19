"""The spool keeps what it took: complete, typed, on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import polars as pl
import pytest

from clipstore.errors import OutputError, PathMissing
from clipstore.storage.spool import (
    TABLE_SCHEMAS,
    count_scores,
    list_parts,
    part_fault,
    quarantine_part,
    remove_parts,
    spool_folder,
    write_part,
)
from tests.store_rows import frame, prompt_rows, score_rows, write_rows

TEXTS = {"cat": "a cat"}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return spool_folder(tmp_path / "x.duckdb")


def test_the_spool_lies_beside_its_store() -> None:
    assert spool_folder(Path("a/b.duckdb")) == Path("a/b.duckdb.spool")


def test_a_store_without_a_spool_has_no_parts(spool: Path) -> None:
    assert list_parts(spool) == ()


def test_a_part_gives_back_what_was_written(spool: Path) -> None:
    prompts = frame("prompts", prompt_rows("a", TEXTS)["prompts"])
    part = write_part(spool, {"prompts": prompts})
    assert list_parts(spool) == (part,)
    assert pl.read_parquet(part / "prompts.parquet").equals(prompts)
    assert part_fault(part) is None


def test_parts_are_listed_in_the_order_they_were_written(spool: Path) -> None:
    prompts = frame("prompts", prompt_rows("a", TEXTS)["prompts"])
    parts = tuple(write_part(spool, {"prompts": prompts}) for _ in range(5))
    assert list_parts(spool) == parts


def test_hidden_and_quarantined_folders_are_no_parts(spool: Path) -> None:
    (spool / ".tmp-half").mkdir(parents=True)
    part = write_part(spool, {"prompts": frame("prompts", prompt_rows("a", TEXTS)["prompts"])})
    moved = quarantine_part(part, "because")
    assert list_parts(spool) == ()
    assert (moved / "why.txt").read_text() == "because\n"


def test_a_column_of_nulls_keeps_its_type(spool: Path) -> None:
    images = frame("images", score_rows("a", 1, {"cat": 0.3}, TEXTS)["images"])
    untyped = images.with_columns(pl.Series("epoch", [None]))
    part = write_part(spool, {"images": untyped.select(reversed(untyped.columns))})
    assert pl.read_parquet(part / "images.parquet").schema == TABLE_SCHEMAS["images"]


def test_frames_without_rows_are_left_out_and_a_part_needs_one_row(spool: Path) -> None:
    rows = frame("prompts", prompt_rows("a", TEXTS)["prompts"])
    part = write_part(spool, {"prompts": rows, "scores": frame("scores", [])})
    assert [file.name for file in part.iterdir()] == ["prompts.parquet"]
    with pytest.raises(ValueError, match="at least one row"):
        write_part(spool, {"scores": frame("scores", [])})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.with_columns(cosine=float("nan")), "not finite"),
        (lambda f: f.with_columns(cosine=float("inf")), "not finite"),
        (lambda f: f.with_columns(run_id=pl.lit(None, pl.Int64)), "scores.run_id has nulls"),
        (lambda f: f.drop("panel"), "missing columns ['panel']"),
        (lambda f: f.with_columns(extra=1), "unknown columns ['extra']"),
        (lambda f: f.with_columns(step=pl.lit("many")), "scores:"),
    ],
)
def test_rows_that_the_store_could_not_take_are_refused_at_once(spool, change, said) -> None:
    good = frame("scores", score_rows("a", 1, {"cat": 0.3}, TEXTS)["scores"])
    with pytest.raises(ValueError) as refusal:
        write_part(spool, {"scores": change(good)})
    assert said in str(refusal.value)
    assert list_parts(spool) == ()


def test_an_unknown_table_is_refused(spool: Path) -> None:
    with pytest.raises(ValueError, match="no table opinions"):
        write_part(spool, {"opinions": pl.DataFrame({"a": [1]})})


def test_waiting_scores_are_counted_even_beside_a_broken_part(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    write_rows(store, score_rows("a", 1, {"cat": [0.3, 0.2]}, TEXTS))
    broken = write_rows(store, score_rows("a", 2, {"cat": 0.3}, TEXTS))
    (broken / "scores.parquet").write_bytes(b"PAR1 no more")
    assert count_scores(list_parts(spool_folder(store))) == 2


def test_a_damaged_part_says_what_is_wrong(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    part = write_rows(store, score_rows("a", 1, {"cat": 0.3}, TEXTS))
    file = part / "scores.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    assert "scores.parquet cannot be read" in (part_fault(part) or "")
    file.unlink()
    (part / "strange.parquet").write_bytes(b"")
    assert "not a table of this version" in (part_fault(part) or "")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    rows = frame("prompts", prompt_rows("a", TEXTS)["prompts"])
    with pytest.raises(PathMissing, match="no/such"):
        write_part(spool_folder(tmp_path / "no" / "such" / "x.duckdb"), {"prompts": rows})


def test_a_spool_that_is_a_file_is_an_explained_error(tmp_path: Path) -> None:
    spool = spool_folder(tmp_path / "x.duckdb")
    spool.write_text("mine")
    rows = frame("prompts", prompt_rows("a", TEXTS)["prompts"])
    with pytest.raises(OutputError, match="could not write"):
        write_part(spool, {"prompts": rows})
    assert spool.read_text() == "mine"


def test_leftovers_of_killed_writers_go_when_they_are_old(tmp_path: Path) -> None:
    store = tmp_path / "x.duckdb"
    part = write_rows(store, prompt_rows("a", TEXTS))
    old, new = part.parent / ".tmp-old", part.parent / ".tmp-new"
    for folder in (old, new):
        folder.mkdir()
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    remove_parts((part,))
    assert sorted(path.name for path in part.parent.iterdir()) == [".tmp-new"]


def test_a_full_disk_loses_no_part_that_was_acknowledged(tmp_path: Path) -> None:
    """A limit on file sizes stands in for the full disk: the write itself fails, as there."""
    code = """
        import resource, signal, sys
        from pathlib import Path
        from clipstore.errors import DiskFull
        from tests.store_rows import score_rows, write_rows
        store = Path(sys.argv[1])
        small = {f"p{i}": 0.25 for i in range(3)}
        large = {f"p{i}": 0.25 for i in range(3000)}
        write_rows(store, score_rows("a", 1, small, {p: p for p in small}))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            write_rows(store, score_rows("a", 2, large, {p: p for p in large}))
        except DiskFull as error:
            print(error.exit_code)
    """
    store = tmp_path / "x.duckdb"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), store],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("14\n", "")
    (part,) = list_parts(spool_folder(store))
    assert part_fault(part) is None
    assert [entry for entry in part.parent.iterdir() if entry.name.startswith(".")] == []
