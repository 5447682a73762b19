"""The README tells the truth: what it names is there, and what it shows runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from clipstore import errors
from clipstore.cli import cli
from clipstore.picturefindings import PictureCode
from clipstore.storage.store import merge_parts, run_query

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_table_of_commands_is_the_list_of_commands() -> None:
    named = re.findall(r"^\| `clipstore (\w+)", README, re.M)
    assert sorted(named) == sorted(
        path.stem for path in (ROOT / "clipstore/commands").glob("[!_]*")
    )
    assert sorted(named) == sorted(cli.list_commands(None))


def test_every_path_of_the_map_is_there() -> None:
    table = README.split("## Where things are")[1].split("\n## ")[0]
    paths = re.findall(r"^\| (`[^|]+`) \|", table, re.M)
    assert len(paths) > 10
    for path in re.findall(r"`([^`]+)`", " ".join(paths)):
        assert (ROOT / path).exists() or (ROOT / "clipstore" / path).exists(), path


@pytest.mark.parametrize("sql", re.findall(r"```sql\n(.*?)```", README, re.S))
def test_every_query_runs(tmp_path: Path, sql: str) -> None:
    store = tmp_path / "s.duckdb"
    merge_parts(store, wait_seconds=1)
    assert run_query(store, sql).width > 0


def test_every_view_named_is_a_view() -> None:
    table = README.split("## The database")[1].split("\n## ")[0]
    for view in re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]+`) \|", table, re.M))):
        assert (ROOT / "sql/views" / f"{view}.sql").exists(), view


def test_the_table_of_picture_notes_is_the_list_of_their_codes() -> None:
    table = README.split("## What the pictures say")[1].split("\n## ")[0]
    named = re.findall(r"^\| `([A-Z_]+)` \|", table, re.M)
    assert tuple(named) == get_args(PictureCode)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    documented = {int(code) for code in re.findall(r"(?:[:;]\s+)(\d+)\s+\w", README)}
    raised = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.ClipstoreError)
    }
    assert raised <= documented


def test_the_page_in_the_picture_is_in_the_tree() -> None:
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture


def test_ci_calls_the_test_command_of_the_readme() -> None:
    assert "\nmake test\n" in README
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()
