"""TensorBoard's Event messages: scalars, pictures, hyperparameters and texts.

Invariant: only the fields named below are looked at, at a depth that is fixed here, so that no
message makes this recurse; what cannot be read is a `WireError` of its event. A picture is told by
where its bytes lie, and is not copied.
Source: event.proto, summary.proto, tensor.proto of tensorflow and plugin_data.proto of
TensorBoard's hparams plugin.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

from clipstore.logfiles.protowire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    WireError,
    iter_fields,
    to_signed,
)

MAX_TEXT_BYTES = 2**20
_DT_FLOAT, _DT_DOUBLE, _DT_STRING = 1, 2, 7
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_TAG, _NUMBER, _IMAGE, _TENSOR, _METADATA = 1, 2, 4, 8, 9
_VALUE_FIELDS = {_TAG: BYTES, _NUMBER: FIXED32, _IMAGE: BYTES, _TENSOR: BYTES, _METADATA: BYTES}
"""Fields of a summary's value that are looked at, and their kinds."""
_DOUBLE = struct.Struct("<d").unpack_from
_FLOAT = struct.Struct("<f").unpack_from


class PictureBytes(NamedTuple):
    """Where an encoded picture lies in the event's bytes."""

    start: int
    length: int


class Value(NamedTuple):
    """One value of a summary; one of the four is there."""

    tag: str
    number: float | None = None
    pictures: tuple[PictureBytes, ...] = ()
    text: str | None = None
    hyperparameters: dict[str, object] | None = None


class Event(NamedTuple):
    """One record of an event file."""

    wall_time_s: float
    step: int
    values: tuple[Value, ...]


def parse_event(data: bytes) -> Event:
    """Raises `WireError`."""
    wall_time, step, values = math.nan, 0, []
    for field in iter_fields(data, 0, len(data)):
        if field.number == 1 and field.kind == FIXED64:
            (wall_time,) = _DOUBLE(data, field.start)
        elif field.number == 2 and field.kind == VARINT:
            step = to_signed(field.value)
        elif field.number == 5 and field.kind == BYTES:
            for inner in iter_fields(data, field.start, field.stop):
                if inner.number == 1 and inner.kind == BYTES:
                    value = _parse_value(data, inner)
                    if value is not None:
                        values.append(value)
    return Event(wall_time, step, tuple(values))


def _parse_value(data: bytes, of: Field) -> Value | None:
    found = {
        field.number: field
        for field in iter_fields(data, of.start, of.stop)
        if _VALUE_FIELDS.get(field.number) == field.kind
    }
    tag = _text(data, found[_TAG]) if _TAG in found else ""
    if _NUMBER in found:
        return Value(tag, _FLOAT(data, found[_NUMBER].start)[0])
    if _IMAGE in found:
        picture = _image(data, found[_IMAGE])
        return Value(tag, pictures=(picture,)) if picture else None
    plugin = ""
    if _METADATA in found:
        plugin, content = _plugin(data, found[_METADATA])
        if plugin == "hparams" and content is not None:
            settings = _session_start(data, content)
            return Value(tag, hyperparameters=settings) if settings else None
    return _tensor(data, found[_TENSOR], tag, plugin) if _TENSOR in found else None


def _image(data: bytes, of: Field) -> PictureBytes | None:
    for field in iter_fields(data, of.start, of.stop):
        if field.number == 4 and field.kind == BYTES:
            return PictureBytes(field.start, field.stop - field.start)
    return None


def _plugin(data: bytes, of: Field) -> tuple[str, Field | None]:
    for field in iter_fields(data, of.start, of.stop):
        if field.number == 1 and field.kind == BYTES:
            name, content = "", None
            for inner in iter_fields(data, field.start, field.stop):
                if inner.number == 1 and inner.kind == BYTES:
                    name = _text(data, inner)
                elif inner.number == 2 and inner.kind == BYTES:
                    content = inner
            return name, content
    return "", None


def _session_start(data: bytes, of: Field) -> dict[str, object]:
    """The hyperparameters of a session, as torch's add_hparams writes them."""
    settings: dict[str, object] = {}
    for field in iter_fields(data, of.start, of.stop):
        if field.number != 3 or field.kind != BYTES:
            continue
        for entry in iter_fields(data, field.start, field.stop):
            if entry.number == 1 and entry.kind == BYTES:
                key, value = "", None
                for inner in iter_fields(data, entry.start, entry.stop):
                    if inner.number == 1 and inner.kind == BYTES:
                        key = _text(data, inner)
                    elif inner.number == 2 and inner.kind == BYTES:
                        value = _json_value(data, inner)
                settings[key] = value
    return settings


def _json_value(data: bytes, of: Field) -> object:
    """A google.protobuf.Value without lists and objects, which hyperparameters cannot be."""
    for field in iter_fields(data, of.start, of.stop):
        if field.number == 2 and field.kind == FIXED64:
            return _whole(_DOUBLE(data, field.start)[0])
        if field.number == 3 and field.kind == BYTES:
            return _text(data, field)
        if field.number == 4 and field.kind == VARINT:
            return bool(field.value)
    return None


def _whole(number: float) -> float | int:
    """The format knows no integers; whole numbers were one."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _tensor(data: bytes, of: Field, tag: str, plugin: str) -> Value | None:
    """TensorFlow 2's form: a scalar, or strings that are a text or [width, height, picture, …].

    The plugin is written with the first value of a tag alone, so what is in it decides.
    """
    dtype, strings = 0, []
    number: float | None = None
    for field in iter_fields(data, of.start, of.stop):
        if field.number == 1 and field.kind == VARINT:
            dtype = field.value
        elif field.number == 8 and field.kind == BYTES:
            strings.append(field)
        elif field.number in (4, 5, 6) and field.kind in (BYTES, FIXED32, FIXED64):
            number = _one_number(data, field, dtype)
    if dtype in (_DT_FLOAT, _DT_DOUBLE):
        return None if number is None else Value(tag, number)
    if dtype != _DT_STRING or not strings:
        return None
    pictures = tuple(
        PictureBytes(field.start, field.stop - field.start)
        for field in strings[2:]
        if data.startswith(_PICTURES, field.start, field.stop)
    )
    if pictures:
        return Value(tag, pictures=pictures)
    if plugin == "text" or tag.endswith("/text_summary"):
        return Value(tag, text=_text(data, strings[0]))
    return None


def _one_number(data: bytes, field: Field, dtype: int) -> float | None:
    length = field.stop - field.start
    if dtype == _DT_FLOAT and length == 4:
        return float(_FLOAT(data, field.start)[0])
    if dtype == _DT_DOUBLE and length == 8:
        return float(_DOUBLE(data, field.start)[0])
    return None


def _text(data: bytes, field: Field) -> str:
    """Raises `WireError` for what no name or setting is long enough to be."""
    if field.stop - field.start > MAX_TEXT_BYTES:
        raise WireError("a text is too long")
    return data[field.start : field.stop].decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def iter_scalars(event: Event) -> Iterator[tuple[str, float]]:
    """(tag, number) of an event's scalars."""
    for value in event.values:
        if value.number is not None:
            yield value.tag, value.number
