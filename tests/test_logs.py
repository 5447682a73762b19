"""What every log format keeps. A new format joins by its example here.

The examples are recordings by the libraries themselves (tests/logs/make_recordings.py) and by the
trainers' own loggers (tests/layout_examples/trainerlogs.py).
"""

from __future__ import annotations

import json
import random
import sqlite3
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

import clipstore.logs
from clipstore.logfiles.wandbrecords import BLOCK_BYTES, FILE_HEADER
from clipstore.logged import LogChunk, LoggedPicture, LogPosition
from clipstore.logs import LogFormat, all_log_formats
from clipstore.sources.textfiles import Unreadable

RECORDED = Path(__file__).parent / "logs"


def recorded(pattern: str) -> bytes:
    (path,) = RECORDED.glob(pattern)
    return path.read_bytes()


def tensorboard_example(folder: Path) -> Path:
    path = folder / "events.out.tfevents.1"
    path.write_bytes(recorded("accelerate/text2image-fine-tune/events*"))
    return path


def wandb_example(folder: Path) -> Path:
    path = folder / "run-x.wandb"
    path.write_bytes(recorded("wandb_offline/wandb/*/*.wandb"))
    return path


def simpletuner_metrics_example(folder: Path) -> Path:
    path = folder / "training_metrics.jsonl"
    path.write_bytes(recorded("simpletuner/training_metrics.jsonl"))
    return path


def ai_toolkit_losses_example(folder: Path) -> Path:
    path = folder / "loss_log.db"
    path.write_bytes(recorded("ai_toolkit/loss_log.db"))
    return path


EXAMPLES: dict[str, Callable[[Path], Path]] = {
    "ai_toolkit_losses": ai_toolkit_losses_example,
    "simpletuner_metrics": simpletuner_metrics_example,
    "tensorboard": tensorboard_example,
    "wandb": wandb_example,
}
every_format = pytest.mark.parametrize("form", all_log_formats(), ids=lambda form: form.NAME)
growing = pytest.mark.parametrize(
    "form",
    [form for form in all_log_formats() if form.NAME != "ai_toolkit_losses"],
    ids=lambda form: form.NAME,
)

Rows = list[tuple[str, int, float, float]]


def rows_of(chunks: list[LogChunk]) -> Rows:
    return [
        row
        for chunk in chunks
        for row in zip(
            chunk.scalars.tags,
            chunk.scalars.steps,
            chunk.scalars.wall_times_s,
            chunk.scalars.values,
            strict=True,
        )
    ]


def pictures_of(chunks: list[LogChunk]) -> list[LoggedPicture]:
    return [picture for chunk in chunks for picture in chunk.pictures]


def read(form: LogFormat, path: Path, start: LogPosition | None = None) -> list[LogChunk]:
    return list(form.read(path, start or LogPosition()))


def test_the_formats_are_the_files_of_the_folder() -> None:
    files = {path.stem for path in Path(clipstore.logs.__file__).parent.glob("*.py")}
    assert [form.NAME for form in all_log_formats()] == sorted(files - {"__init__"})


@every_format
def test_every_format_has_an_example_that_it_alone_knows_by_name(
    form: LogFormat, tmp_path: Path
) -> None:
    path = EXAMPLES[form.NAME](tmp_path)
    assert [other.NAME for other in all_log_formats() if other.is_log(path.name)] == [form.NAME]


@every_format
def test_the_example_holds_two_scalars_of_twenty_steps_and_nothing_damaged(
    form: LogFormat, tmp_path: Path
) -> None:
    chunks = read(form, EXAMPLES[form.NAME](tmp_path))
    rows = rows_of(chunks)
    assert len(rows) == 40
    assert {step for _, step, _, _ in rows} == set(range(1, 21))
    assert all(time > 1.5e9 for _, _, time, _ in rows)
    assert [line for chunk in chunks for line in chunk.damage] == []
    assert chunks[-1].position.last_step == 20


@every_format
def test_nothing_comes_twice_when_reading_goes_on_at_the_end(
    form: LogFormat, tmp_path: Path
) -> None:
    path = EXAMPLES[form.NAME](tmp_path)
    first = read(form, path)
    again = read(form, path, first[-1].position)
    assert rows_of(again) == [] and pictures_of(again) == []
    assert all(chunk.position == first[-1].position for chunk in again)


@growing
def test_a_log_that_grows_by_any_bytes_gives_what_the_whole_one_gives(
    form: LogFormat, tmp_path: Path
) -> None:
    path = EXAMPLES[form.NAME](tmp_path)
    whole, expected = path.read_bytes(), read(form, path)
    position = LogPosition()
    rows: Rows = []
    pictures: list[LoggedPicture] = []
    for end in [*range(8, len(whole), max(1, len(whole) // 60)), len(whole)]:
        path.write_bytes(whole[:end])
        chunks = read(form, path, position)
        assert [line for chunk in chunks for line in chunk.damage] == [], end
        rows += rows_of(chunks)
        pictures += pictures_of(chunks)
        position = chunks[-1].position if chunks else position
    assert rows == rows_of(expected)
    assert [(one.tag, one.step, one.item, one.caption) for one in pictures] == [
        (one.tag, one.step, one.item, one.caption) for one in pictures_of(expected)
    ]


@growing
def test_a_flipped_byte_costs_little_and_is_said(form: LogFormat, tmp_path: Path) -> None:
    path = EXAMPLES[form.NAME](tmp_path)
    whole, expected = path.read_bytes(), rows_of(read(form, path))
    for at in range(len(whole) // 5, len(whole), len(whole) // 97):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        chunks = read(form, path)
        kept = rows_of(chunks)
        assert len(kept) >= len(expected) - 2, at
        lost = len(set(expected) - set(kept))
        damage = [line for chunk in chunks for line in chunk.damage]
        # A JSON line can be damaged into another one: only a checksum would tell.
        assert damage or not lost or form.NAME == "simpletuner_metrics", at


@every_format
def test_any_bytes_end_as_values_or_as_one_error(form: LogFormat, tmp_path: Path) -> None:
    chance = random.Random(form.NAME)
    path = EXAMPLES[form.NAME](tmp_path)
    whole = path.read_bytes()
    n_read = 0
    for number in range(60):
        data = bytearray(whole)
        is_replaced_only = number % 2 == 0  # SQLite refuses a file whose pages moved
        for _ in range(chance.randrange(1, 4 if is_replaced_only else 30)):
            at = chance.randrange(len(data))
            if is_replaced_only:
                data[at] = chance.randrange(256)
            elif chance.random() < 0.3:
                del data[at : at + chance.randrange(1, 50)]
            elif chance.random() < 0.5:
                data[at:at] = chance.randbytes(chance.randrange(1, 50))
            else:
                data[at] = chance.randrange(256)
        path.write_bytes(data)
        try:
            chunks = read(form, path)
        except Unreadable:
            continue
        n_read += 1
        for tag, step, _, _ in rows_of(chunks):
            assert isinstance(tag, str) and -(2**63) <= step < 2**63
    assert n_read > 0


@every_format
def test_what_is_no_such_log_is_unreadable_or_holds_nothing(
    form: LogFormat, tmp_path: Path
) -> None:
    path = EXAMPLES[form.NAME](tmp_path)
    for data in (b"", b"\0" * 5000, b"{" * 5000, b"[" * 100_000 + b"\n", b"\xff" * 70_000):
        path.write_bytes(data)
        try:
            chunks = read(form, path)
        except Unreadable:
            continue
        assert rows_of(chunks) == []
    path.unlink()
    with pytest.raises(Unreadable):
        read(form, path)


def test_rows_added_to_a_database_of_losses_are_read_on(tmp_path: Path) -> None:
    path = ai_toolkit_losses_example(tmp_path)
    (form,) = (form for form in all_log_formats() if form.NAME == "ai_toolkit_losses")
    position = read(form, path)[-1].position
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO steps VALUES (21, 1777897000.5)")
        database.execute("INSERT INTO metrics VALUES (21, 'loss/loss', 0.25, NULL)")
    (chunk,) = read(form, path, position)
    assert rows_of([chunk]) == [("loss/loss", 21, 1777897000.5, 0.25)]


def test_losses_logged_anew_after_a_resume_are_read_though_their_rows_have_the_old_numbers(
    tmp_path: Path,
) -> None:
    path = ai_toolkit_losses_example(tmp_path)
    (form,) = (form for form in all_log_formats() if form.NAME == "ai_toolkit_losses")
    position = read(form, path)[-1].position
    path.write_bytes(recorded("ai_toolkit/resumed/loss_log.db"))
    losses = [row for row in rows_of(read(form, path, position)) if row[0] == "loss/loss"]
    assert [(step, value) for _, step, _, value in losses] == [
        (step, 2.0 / step) for step in range(15, 21)
    ]


@pytest.mark.parametrize("rows_per_chunk", [1, 2, 3, 7])
def test_a_position_in_a_database_of_losses_lies_between_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_per_chunk: int
) -> None:
    path = ai_toolkit_losses_example(tmp_path)
    (form,) = (form for form in all_log_formats() if form.NAME == "ai_toolkit_losses")
    expected = rows_of(read(form, path))
    monkeypatch.setattr(form, "ROWS_PER_CHUNK", rows_per_chunk)
    position, found = LogPosition(), []
    for _ in range(20):
        for chunk in read(form, path, position)[:1]:  # as if each were killed after its first part
            found += rows_of([chunk])
            position = chunk.position
    assert (found, read(form, path, position)) == (expected, [])


def test_a_torn_line_of_metrics_costs_the_line_before_it_alone(tmp_path: Path) -> None:
    path = simpletuner_metrics_example(tmp_path)
    (form,) = (form for form in all_log_formats() if form.NAME == "simpletuner_metrics")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[9] = lines[9][:30]  # the end of a crash; the resumed training writes on behind it
    path.write_bytes(b"".join(lines))
    steps = {step for _, step, _, _ in rows_of(read(form, path))}
    assert steps == set(range(1, 21)) - {10}


def test_a_view_in_the_place_of_the_table_of_losses_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "loss_log.db"
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE steps (step INTEGER PRIMARY KEY, wall_time REAL);"
            "CREATE VIEW metrics AS WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x FROM t) "
            "SELECT x AS rowid, x AS step, 'loss' AS key, 0.5 AS value_real FROM t;"
        )
    (form,) = (form for form in all_log_formats() if form.NAME == "ai_toolkit_losses")
    with pytest.raises(Unreadable, match="no tables"):
        read(form, path)


def test_a_huge_step_in_a_json_line_is_damage_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "training_metrics.jsonl"
    path.write_text(
        '{"step": 1' + "0" * 40 + ', "metrics": {"a": 1}}\n{"step": 1, "metrics": {}}\n'
    )
    (form,) = (form for form in all_log_formats() if form.NAME == "simpletuner_metrics")
    (chunk,) = read(form, path)
    assert len(chunk.damage) == 1 and len(chunk.scalars) == 0


def test_wandbs_pictures_are_dated_by_the_history_and_stay_in_its_folder(tmp_path: Path) -> None:
    (form,) = (form for form in all_log_formats() if form.NAME == "wandb")
    path = wandb_example(tmp_path)
    found = pictures_of(read(form, path))
    assert sorted((one.tag, one.step, one.item, one.n_items, one.caption) for one in found) == [
        ("red - 32x32", 10, 0, 1, "red - 32x32"),
        ("red - 32x32", 20, 0, 1, "red - 32x32"),
        ("validation", 10, 0, 2, "0: a red square"),
        ("validation", 10, 1, 2, "1: a blue square"),
        ("validation", 20, 0, 2, "0: a red square"),
        ("validation", 20, 1, 2, "1: a blue square"),
    ]
    assert all(tmp_path / "files" / "media" in one.path.parents for one in found)
    outside = path.read_bytes().replace(b"media/images/red", b"media/../../../red")
    assert outside != path.read_bytes()
    path.write_bytes(outside)  # its checksums are wrong then, too
    assert all(".." not in one.path.parts for one in pictures_of(read(form, path)))


def test_tensorboardx_changes_tags_and_no_values() -> None:
    (form,) = (form for form in all_log_formats() if form.NAME == "tensorboard")
    (path,) = (RECORDED / "tensorboardx").glob("events*")
    chunks = read(form, path)
    assert len(rows_of(chunks)) == 40
    assert {one.tag for one in pictures_of(chunks)} == {"red_-__32__32_"}
    assert [one.step for one in pictures_of(chunks)] == [10, 20]


def wandb_log(*records: bytes) -> bytes:
    """A run file with these records, in pieces where a block ends."""
    out = bytearray(FILE_HEADER)
    for record in records:
        rest, begun = record, False
        while True:
            left = BLOCK_BYTES - len(out) % BLOCK_BYTES
            if left < 7:
                out += bytes(left)
                continue
            piece, rest = rest[: left - 7], rest[left - 7 :]
            kind = (3 if begun else 2) if rest else (4 if begun else 1)
            checked = bytes([kind]) + piece
            out += struct.pack("<IH", zlib.crc32(checked), len(piece)) + checked
            begun = True
            if not rest:
                break
    return bytes(out)


def history(step: int, **values: str) -> bytes:
    """A history record with these JSON texts."""
    items = b"".join(
        field(1, field(2, key.encode()) + field(16, text.encode())) for key, text in values.items()
    )
    return field(2, items + field(2, b"\x08" + bytes([step])))


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + varint(value >> 7)


def test_wandb_records_of_several_blocks_are_joined_and_deep_json_costs_its_record(
    tmp_path: Path,
) -> None:
    (form,) = (form for form in all_log_formats() if form.NAME == "wandb")
    path = tmp_path / "run-1.wandb"
    long = '"' + "x" * 100_000 + '"'
    path.write_bytes(
        wandb_log(
            history(1, loss="0.5", text=long),
            history(2, loss="[" * 200_000),
            history(3, loss="NaN", huge="1" + "0" * 400, flag="true"),
            history(4, loss="0.25"),
        )
    )
    (chunk,) = read(form, path)
    assert [(tag, step) for tag, step, _, _ in rows_of([chunk])] == [
        ("loss", 1),
        ("loss", 3),
        ("huge", 3),
        ("loss", 4),
    ]
    assert len(chunk.damage) == 1 and chunk.position.offset == path.stat().st_size


def test_a_wandb_picture_outside_its_folder_is_not_taken(tmp_path: Path) -> None:
    (form,) = (form for form in all_log_formats() if form.NAME == "wandb")
    path = tmp_path / "run-1.wandb"
    names = ["media/images/a.png", "media/../../a.png", "/etc/passwd", "../a.png", "b.png"]
    nested = {"_type": "images/separated", "filenames": names, "captions": ["a", 5]}
    path.write_bytes(wandb_log(history(1, x=json.dumps(nested))))
    found = pictures_of(read(form, path))
    assert [(one.path, one.caption) for one in found] == [
        (tmp_path / "files/media/images/a.png", "a")
    ]
