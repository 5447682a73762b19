"""Framing of event files: what is whole is handed out, what is damaged costs itself, and what is
not written yet is waited for. Records are compared one by one."""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import google_crc32c
import pytest

from clipstore.logfiles import tfrecords
from clipstore.logfiles.crc32c import masked_crc32c
from clipstore.logfiles.framesearch import find_header
from clipstore.logfiles.tfrecords import Gap, read_records
from clipstore.sources.textfiles import Unreadable

RECORDS = [f"record {number}".encode() * (1 + number % 7) for number in range(60)]


def framed(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return (
        length
        + struct.pack("<I", masked_crc32c(length))
        + data
        + struct.pack("<I", masked_crc32c(data))
    )


WHOLE = b"".join(map(framed, RECORDS))
STARTS = [len(b"".join(map(framed, RECORDS[:number]))) for number in range(len(RECORDS) + 1)]


def read(path: Path, start: int = 0) -> tuple[list[bytes], list[Gap], int]:
    chunks = list(read_records(path, start))
    records = [data for chunk in chunks for _, data in chunk.records]
    return records, [gap for chunk in chunks for gap in chunk.gaps], chunks[-1].end


@pytest.fixture(params=[2**22, 64], ids=["at once", "in small chunks"])
def file(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tfrecords, "CHUNK_BYTES", request.param)
    return tmp_path / "events"


def test_a_checksum_is_the_one_that_the_format_asks_for() -> None:
    """The value that TensorFlow's own test of its masked CRC has for this text."""
    assert google_crc32c.value(b"123456789") == 0xE3069283
    assert framed(b"")[8:12] == struct.pack("<I", masked_crc32c(bytes(8)))


def test_a_whole_file_gives_every_record_and_where_its_data_lie(file: Path) -> None:
    file.write_bytes(WHOLE)
    assert read(file) == (RECORDS, [], len(WHOLE))
    for chunk in read_records(file, 0):
        for offset, data in chunk.records:
            assert WHOLE[offset : offset + len(data)] == data


def test_reading_stops_before_a_torn_record_and_goes_on_from_there(file: Path) -> None:
    """Cut at every byte: what is there is kept, and the rest follows with nothing twice."""
    for cut in range(0, len(WHOLE), 7):
        file.write_bytes(WHOLE[:cut])
        first, gaps, end = read(file)
        assert gaps == []
        assert end == max(start for start in STARTS if start <= cut)
        file.write_bytes(WHOLE)
        rest, gaps, _ = read(file, end)
        assert (first + rest, gaps) == (RECORDS, [])


@pytest.mark.parametrize("place", ["length", "length's checksum", "data", "data's checksum"])
def test_a_flipped_bit_costs_the_record_that_it_is_in(file: Path, place: str) -> None:
    at = {"length": 1, "length's checksum": 9, "data": 14, "data's checksum": -2}[place]
    damaged = bytearray(WHOLE)
    damaged[(STARTS[20] if at > 0 else STARTS[21]) + at] ^= 0x10
    file.write_bytes(damaged)
    records, gaps, end = read(file)
    assert records == RECORDS[:20] + RECORDS[21:]
    assert gaps == [Gap(STARTS[20], STARTS[21] - STARTS[20])]
    assert end == len(WHOLE)


@pytest.mark.parametrize("change", ["added between", "added inside", "lost inside", "zeros"])
def test_added_and_lost_bytes_cost_one_record_at_most(file: Path, change: str) -> None:
    at, inside = STARTS[20], STARTS[20] + 15
    noise = random.Random(1).randbytes(200)
    file.write_bytes(
        {
            "added between": WHOLE[:at] + noise + WHOLE[at:],
            "added inside": WHOLE[:inside] + noise + WHOLE[inside:],
            "lost inside": WHOLE[:inside] + WHOLE[inside + 5 :],
            "zeros": WHOLE[:at] + bytes(4096) + WHOLE[at:],
        }[change]
    )
    lost = 0 if change in ("added between", "zeros") else 1
    records, gaps, _ = read(file)
    assert records == RECORDS[:20] + RECORDS[20 + lost :]
    assert [gap.offset for gap in gaps] == [at]


def test_random_damage_never_loses_a_record_that_it_did_not_touch(file: Path) -> None:
    chance = random.Random(7)
    for _ in range(40):
        damaged = bytearray(WHOLE)
        touched = set()
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(damaged))
            damaged[at] ^= 1 << chance.randrange(8)
            touched.add(max(place for place, start in enumerate(STARTS) if start <= at))
        file.write_bytes(damaged)
        records, gaps, _ = read(file)
        kept = [data for place, data in enumerate(RECORDS) if place not in touched]
        assert records == kept
        assert gaps


def test_a_length_that_the_file_does_not_have_takes_no_memory(file: Path) -> None:
    header = struct.pack("<Q", 2**27)
    file.write_bytes(WHOLE + header + struct.pack("<I", masked_crc32c(header)) + b"few")
    tracemalloc.start()
    assert read(file)[2] == len(WHOLE)
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()


def test_a_length_beyond_every_picture_is_damage(file: Path) -> None:
    header = struct.pack("<Q", 2**40)
    file.write_bytes(header + struct.pack("<I", masked_crc32c(header)) + WHOLE)
    assert read(file)[0] == RECORDS


def test_a_file_of_something_else_has_no_records(file: Path) -> None:
    file.write_bytes(random.Random(2).randbytes(100_000))
    records, gaps, _ = read(file)
    assert (records, len(gaps)) == ([], 1)
    file.write_bytes(b"")
    assert read(file) == ([], [], 0)


def test_zeros_are_no_header_though_every_byte_could_begin_a_length_of_0() -> None:
    """A power loss leaves blocks of zeros."""
    noise = random.Random(3).randbytes(500)
    assert find_header(bytes(2**20), 0, 2**28) is None
    assert find_header(bytes(2**21) + noise + framed(b"x"), 0, 2**28) == 2**21 + 500


def test_a_folder_and_a_missing_file_are_said_to_be_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(Unreadable):
            list(read_records(path, 0))
