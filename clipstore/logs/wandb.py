"""W&B's run files, offline and online: run-<id>.wandb with history, settings and pictures' names.

Invariant: a picture's step is that of the history record that names it, never the number in its
file's name, which is the client's own count. Pictures are read from files/ beside the log and from
nowhere else, whatever path the log names.
Source: wandb_internal.proto of wandb.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from clipstore.logfiles.protowire import (
    BYTES,
    VARINT,
    Field,
    WireError,
    iter_fields,
    to_signed,
)
from clipstore.logfiles.wandbrecords import read_wandb_records
from clipstore.logged import LogChunk, LoggedPicture, LogPosition, Scalars

NAME = "wandb"
HEAD_BYTES = 4096
OWN_RUNS = "clipstore-"
"""Begins the W&B id of every run that clipstore exports: those are no trainer's logs."""

RECORDS_PER_CHUNK = 20_000
MAX_JSON_BYTES = 4 * 2**20
_HISTORY, _CONFIG, _RUN = 2, 5, 17
_MAX_INT64 = 2**63 - 1

Items = dict[tuple[str, ...], object]


def is_log(name: str) -> bool:
    """run-<id>.wandb, but for what clipstore exported."""
    return name.endswith(".wandb") and not name.startswith(f"run-{OWN_RUNS}")


def read(path: Path, start: LogPosition) -> Iterator[LogChunk]:
    """As `LogFormat.read`; the position is the byte of the next record."""
    collected = _Collected(path, start)
    for record in read_wandb_records(path, start.offset):
        if record.data is None:
            collected.damage.append(f"damaged bytes from byte {record.offset:,} on are passed over")
        else:
            try:
                collected.add(record.data)
            except WireError as error:
                collected.damage.append(f"the record at byte {record.offset:,} is none ({error})")
        collected.end = record.end
        if len(collected.tags) >= RECORDS_PER_CHUNK:
            yield collected.take()
    yield collected.take()


class _Collected:
    """What was read since the last chunk."""

    def __init__(self, path: Path, start: LogPosition) -> None:
        self._files = path.parent / "files"
        self._last_step = start.last_step
        self.end = start.offset
        self._clear()

    def _clear(self) -> None:
        self.tags: list[str] = []
        self._steps: list[int] = []
        self._times: list[float] = []
        self._values: list[float] = []
        self._pictures: list[LoggedPicture] = []
        self._settings: dict[str, object] = {}
        self.damage: list[str] = []

    def take(self) -> LogChunk:
        chunk = LogChunk(
            LogPosition(self.end, self._last_step),
            Scalars(self.tags, self._steps, self._times, self._values),
            tuple(self._pictures),
            self._settings,
            tuple(self.damage),
        )
        self._clear()
        return chunk

    def add(self, data: bytes) -> None:
        for field in iter_fields(data, 0, len(data)):
            if field.kind != BYTES:
                continue
            if field.number == _HISTORY:
                self._add_history(data, field)
            elif field.number == _CONFIG:
                self._add_settings(data, field)
            elif field.number == _RUN:
                for inner in iter_fields(data, field.start, field.stop):
                    if inner.number == 4 and inner.kind == BYTES:
                        self._add_settings(data, inner)

    def _add_settings(self, data: bytes, of: Field) -> None:
        for key, value in _items(data, of).items():
            if key[0] != "_wandb":
                self._settings[".".join(key)] = value

    def _add_history(self, data: bytes, of: Field) -> None:
        items = _items(data, of)
        step = _to_step(data, of, items)
        if step is None:
            return
        time = items.get(("_timestamp",))
        time_s = float(time) if isinstance(time, int | float) else math.nan
        pictures: dict[tuple[str, ...], dict[str, object]] = {}
        for key, value in items.items():
            if key[0].startswith("_"):
                continue
            if isinstance(value, dict) and "_type" in value:  # older clients nest in the value
                pictures[key] = value
            elif len(key) > 1 and (*key[:-1], "_type") in items:
                pictures.setdefault(key[:-1], {})[key[-1]] = value
            elif isinstance(value, int | float) and not isinstance(value, bool):
                self.tags.append(".".join(key))
                self._steps.append(step)
                self._times.append(time_s)
                self._values.append(_to_float(value))
        for key, described in pictures.items():
            self._pictures += self._to_pictures(".".join(key), described, step, time_s)
        self._last_step = step

    def _to_pictures(
        self, tag: str, described: Mapping[str, object], step: int, time_s: float
    ) -> Iterator[LoggedPicture]:
        kind = described.get("_type")
        if kind == "image-file":
            names, captions = [described.get("path")], [described.get("caption")]
        elif kind == "images/separated":
            names, captions = _list(described.get("filenames")), _list(described.get("captions"))
        else:
            return
        for item, name in enumerate(names):
            path = self._media_path(name)
            if path is not None:
                caption = captions[item] if item < len(captions) else None
                text = caption if isinstance(caption, str) and caption else None
                yield LoggedPicture(path, tag, step, time_s, item, len(names), text, step)

    def _media_path(self, name: object) -> Path | None:
        parts = PurePosixPath(name).parts if isinstance(name, str) else ()
        if parts[:1] != ("media",) or ".." in parts or "\0" in str(name):
            return None
        return self._files.joinpath(*parts)


def _items(data: bytes, of: Field) -> Items:
    """Key and JSON value of every item or update: field 1 of history and config records."""
    items: Items = {}
    for field in iter_fields(data, of.start, of.stop):
        if field.number != 1 or field.kind != BYTES:
            continue
        key: list[str] = []
        value: object = None
        for inner in iter_fields(data, field.start, field.stop):
            if inner.number in (1, 2) and inner.kind == BYTES:
                key.append(data[inner.start : inner.stop].decode("utf-8", "backslashreplace"))
            elif inner.number == 16 and inner.kind == BYTES:
                value = _to_json(data[inner.start : inner.stop])
        if key:
            items[tuple(key)] = value
    return items


def _to_json(data: bytes) -> object:
    """What is no JSON is kept as text."""
    if len(data) > MAX_JSON_BYTES:
        raise WireError("a value is too long")
    try:
        value: object = json.loads(data)
    except RecursionError:
        raise WireError("a value is nested too deeply") from None
    except ValueError:
        return data.decode("utf-8", "backslashreplace")
    return value


def _to_step(data: bytes, of: Field, items: Items) -> int | None:
    for field in iter_fields(data, of.start, of.stop):
        if field.number == 2 and field.kind == BYTES:
            for inner in iter_fields(data, field.start, field.stop):
                if inner.number == 1 and inner.kind == VARINT:
                    return to_signed(inner.value)
            return 0
    step = items.get(("_step",))
    return step if isinstance(step, int) and abs(step) <= _MAX_INT64 else None


def _to_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
