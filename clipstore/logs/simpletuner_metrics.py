"""SimpleTuner's own metrics log: a JSON object a line, training_metrics.jsonl.

Invariant: a line counts when it is whole. A crash tears the last one and a resumed run then writes
on behind it, so damage may lie anywhere: such a line is passed over and said; of a line that two
runs share the part that is an object of its own is kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from clipstore.logged import LogChunk, LogPosition, Scalars
from clipstore.sources.textfiles import Unreadable, open_regular

NAME = "simpletuner_metrics"
HEAD_BYTES = 4096

FILE_NAME = "training_metrics.jsonl"
CHUNK_BYTES = 4 * 2**20
MAX_LINE_BYTES = 2**20
MAX_STEP = 2**63 - 1


class _Row(NamedTuple):
    step: int
    time_s: float
    metrics: dict[str, float]


def is_log(name: str) -> bool:
    """training_metrics.jsonl."""
    return name == FILE_NAME


def read(path: Path, start: LogPosition) -> Iterator[LogChunk]:
    """As `LogFormat.read`; the position is the byte of the next line."""
    offset, last_step = start.offset, start.last_step
    with open_regular(path) as file:
        file.seek(offset)
        rest = b""
        while more := file.read(CHUNK_BYTES):
            *lines, rest = (rest + more).split(b"\n")
            tags: list[str] = []
            steps: list[int] = []
            times: list[float] = []
            values: list[float] = []
            damage: list[str] = []
            for line in lines:
                rows = _line_to_rows(line)
                if rows is None:
                    damage.append(f"the line at byte {offset:,} is passed over: it is no metrics")
                for row in rows or ():
                    last_step = row.step
                    for tag, value in row.metrics.items():
                        tags.append(tag)
                        steps.append(row.step)
                        times.append(row.time_s)
                        values.append(value)
                offset += len(line) + 1
            if len(rest) > MAX_LINE_BYTES:
                raise Unreadable(f"the line at byte {offset:,} has no end")
            scalars = Scalars(tags, steps, times, values)
            yield LogChunk(LogPosition(offset, last_step), scalars, damage=tuple(damage))


def _line_to_rows(line: bytes) -> tuple[_Row, ...] | None:
    """The line's row; none for an empty line, None for damage."""
    text = line.strip(b" \r\t\0")
    if not text:
        return ()
    row = _text_to_row(text)
    if row is not None:
        return (row,)
    # A torn line with a whole one behind it: the writer sorts the keys, so each begins like this.
    again = text.rfind(b'{"metrics"')
    row = _text_to_row(text[again:]) if again > 0 else None
    return None if row is None else (row,)


def _text_to_row(text: bytes) -> _Row | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    step = value.get("step") if isinstance(value, dict) else None
    metrics = value.get("metrics") if isinstance(value, dict) else None
    if not isinstance(step, int) or isinstance(step, bool) or not isinstance(metrics, dict):
        return None
    if abs(step) > MAX_STEP:
        return None
    numbers = {
        name: _to_float(number)
        for name, number in metrics.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }
    return _Row(step, _to_seconds(value.get("timestamp")), numbers)


def _to_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _to_seconds(stamp: object) -> float:
    if isinstance(stamp, int | float) and not isinstance(stamp, bool):
        return _to_float(stamp)
    try:
        return datetime.fromisoformat(str(stamp)).timestamp()
    except (ValueError, OverflowError):
        return math.nan
