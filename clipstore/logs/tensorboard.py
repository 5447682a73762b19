"""TensorBoard's event files: by torch, tensorboardX, TensorFlow, and what runs on them.

Invariant: every scalar and every picture of every whole record is handed out, none is sampled.
Most records are one scalar under a tag that came before; such a record differs from the first of
its tag in time, step and number alone, which saves taking it apart.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

from clipstore.addresses import PartOfFile, part_to_address
from clipstore.logfiles.events import Event, Value, iter_scalars, parse_event
from clipstore.logfiles.protowire import WireError
from clipstore.logfiles.tfrecords import Gap, RecordChunk, read_records
from clipstore.logged import LogChunk, LoggedPicture, LogPosition, Scalars

NAME = "tensorboard"
HEAD_BYTES = 4096
OWN_SUFFIX = ".clipstore"
"""Ends the name of every event file that clipstore exports: those are no trainer's logs."""

TEXT_SUFFIX = "/text_summary"
_WALL_TIME = struct.Struct("<d").unpack_from
_NUMBER = struct.Struct("<f").unpack_from


def is_log(name: str) -> bool:
    """events.out.tfevents.<time>.<host>…"""
    return "tfevents" in name and not name.endswith((".profile-empty", ".tmp", OWN_SUFFIX))


def read(path: Path, start: LogPosition) -> Iterator[LogChunk]:
    """As `LogFormat.read`; the position is the byte of the next record."""
    reader = _Reader(path, start.last_step)
    for chunk in read_records(path, start.offset):
        yield reader.read_chunk(chunk)


class _Reader:
    def __init__(self, path: Path, last_step: int | None) -> None:
        self._path = path
        self._last_step = last_step
        self._forms: dict[bytes, str] = {}
        """All but time, step and number of a scalar's record → its tag."""

    def read_chunk(self, chunk: RecordChunk) -> LogChunk:
        tags: list[str] = []
        steps: list[int] = []
        wall_times: list[float] = []
        numbers: list[float] = []
        pictures: list[LoggedPicture] = []
        settings: dict[str, object] = {}
        damage = [_gap_to_sentence(gap) for gap in chunk.gaps]
        forms = self._forms
        step_field, known_step = b"\x10\x00", 0  # the records of one step come in a row
        for offset, data in chunk.records:
            # Time is field 1 of 8 bytes, step field 2, then the summary, which ends in the number.
            if data[:1] == b"\x09" and len(data) > 16:
                if data.startswith(step_field, 9):
                    step, at = known_step, 9 + len(step_field)
                else:
                    step, at = _step_and_its_end(data)
                    if at > 9:
                        step_field, known_step = data[9:at], step
                tag = forms.get(data[at:-4])
                if tag is not None:
                    tags.append(tag)
                    steps.append(step)
                    wall_times.append(_WALL_TIME(data, 1)[0])
                    numbers.append(_NUMBER(data, len(data) - 4)[0])
                    self._last_step = step
                    continue
            else:
                at = 0
            try:
                event = parse_event(data)
            except WireError as error:
                damage.append(f"the record at byte {offset:,} is no event ({error})")
                continue
            for tag, number in iter_scalars(event):
                tags.append(tag)
                steps.append(event.step)
                wall_times.append(event.wall_time_s)
                numbers.append(number)
                self._last_step = event.step
            if len(event.values) == 1 and at and _ends_in_its_number(data, event.values[0]):
                forms[data[at:-4]] = event.values[0].tag
            for value in event.values:
                pictures += self._to_pictures(event, value, offset)
                settings |= _to_settings(value)
        return LogChunk(
            LogPosition(chunk.end, self._last_step),
            Scalars(tags, steps, wall_times, numbers),
            tuple(pictures),
            settings,
            tuple(damage),
        )

    def _to_pictures(self, event: Event, value: Value, offset: int) -> Iterator[LoggedPicture]:
        for item, part in enumerate(value.pictures):
            address = part_to_address(PartOfFile(self._path, offset + part.start, part.length))
            yield LoggedPicture(
                address,
                value.tag,
                event.step,
                event.wall_time_s,
                item,
                len(value.pictures),
                last_step=self._last_step,
            )


def _step_and_its_end(data: bytes) -> tuple[int, int]:
    """Field 2, at byte 9, and where it ends: (0, 9) where there is none, and (0, 0) for a negative
    or broken one, which is left to `parse_event`."""
    if data[9] != 0x10:
        return 0, 9
    step, at, shift = 0, 10, 0
    while at < len(data) and shift < 63:
        byte = data[at]
        at += 1
        step |= (byte & 0x7F) << shift
        if byte < 0x80:
            return step, at
        shift += 7
    return 0, 0


def _ends_in_its_number(data: bytes, value: Value) -> bool:
    """Whether the last bytes are field 2 of the value, as all writers but TensorFlow 2 do."""
    return value.number is not None and data[-5] == 0x15


def _to_settings(value: Value) -> dict[str, object]:
    """Hyperparameters, and texts that are JSON objects, as Hugging Face's trainers log them."""
    if value.hyperparameters is not None:
        return value.hyperparameters
    if value.text is None:
        return {}
    name = value.tag.removesuffix(TEXT_SUFFIX)
    try:
        parsed = json.loads(value.text, parse_constant=str)
    except (ValueError, RecursionError):
        return {name: value.text}
    return {name: parsed} if isinstance(parsed, dict) else {name: value.text}


def _gap_to_sentence(gap: Gap) -> str:
    return f"{gap.n_bytes:,} damaged bytes from byte {gap.offset:,} on are passed over"
