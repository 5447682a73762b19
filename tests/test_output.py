"""Rows in every format: the same rows, valid for what reads them, harmless to what shows them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from clipstore.errors import OutputError
from clipstore.output import FORMATS, print_rows, print_table, rows_to_lines, rows_to_text
from clipstore.wholefile import write_whole

ROWS = [
    {"run": "a", "mean": 0.31234, "notes": ["x", "y"], "n": 3},
    {"run": "b|c", "mean": float("nan"), "notes": [], "n": None},
]
COLUMNS = ("run", "mean", "notes", "n")


def printed(rows: list[dict[str, object]], form: str) -> str:
    console = Console(file=io.StringIO(), width=120, highlight=False)
    print_rows(rows, tuple(rows[0]), form, console)
    return console.file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_shows_every_row(form: str) -> None:
    text = printed(ROWS, form)
    assert "0.312" in text
    assert "b" in text


def test_json_has_null_where_there_is_no_number() -> None:
    assert json.loads(rows_to_text(ROWS, COLUMNS, "json"))[1]["mean"] is None


def test_jsonl_has_one_object_per_line_with_full_precision() -> None:
    lines = rows_to_text(ROWS, COLUMNS, "jsonl").splitlines()
    assert [json.loads(line)["run"] for line in lines] == ["a", "b|c"]
    assert json.loads(lines[0])["mean"] == 0.31234


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "\tx", "\rx"])
def test_csv_text_that_a_spreadsheet_would_run_is_disarmed(evil: str) -> None:
    rows = list(csv.reader(io.StringIO(rows_to_text([{"run": evil}], ("run",), "csv"))))
    assert rows[1] == ["'" + evil]


def test_csv_numbers_below_zero_stay_numbers() -> None:
    assert rows_to_text([{"d": -0.5}], ("d",), "csv") == "d\n-0.5\n"


def test_a_markdown_cell_cannot_end_its_row() -> None:
    assert "b\\|c" in rows_to_text(ROWS, COLUMNS, "md")


def test_a_run_name_cannot_drive_the_terminal() -> None:
    text = printed([{"run": "\x1b[31mred\x07"}], "table")
    assert "\x1b" not in text
    assert "\\x1b[31mred" in text


def test_rich_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    assert "[bold]x" in printed([{"run": "[bold]x"}], "table")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "lone surrogate \ud800")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize("name", [".", "missing/page.html"])
def test_a_place_that_cannot_hold_a_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=str(tmp_path)):
        write_whole(tmp_path / name, "x")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_names_and_whole_numbers_are_there_however_narrow_the_terminal_is(width: int) -> None:
    rows = [{"run": f"shuffled-{i}", **{f"number_{n}": 1000 + n for n in range(12)}} for i in "ab"]
    console = Console(file=io.StringIO(), width=width)
    print_table(rows, tuple(rows[0]), console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for run in ("shuffled-a", "shuffled-b"):
        numbers = " ".join(line.removeprefix(run) for line in lines if line.startswith(run))
        assert numbers.split() == [str(1000 + n) for n in range(12)]


def test_json_in_pieces_is_json_whatever_the_text_holds() -> None:
    rows = [{"text": "a\nb\u2028c", "list": [1, {"x": None}]}, {"text": "é", "list": []}]
    assert json.loads("".join(rows_to_lines(iter(rows), ("text", "list"), "json"))) == rows
    assert json.loads("".join(rows_to_lines(iter([]), ("text",), "json"))) == []
