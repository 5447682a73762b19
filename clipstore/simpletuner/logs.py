"""What SimpleTuner's own logs say of a run's pictures: names, order of prompts, epochs.

Invariant: a log only ever adds to what the file names say. Damaged lines, which a crash leaves at
the end and a resumed run then buries in the middle, are counted and passed over.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clipstore.simpletuner.names import MediaRow
from clipstore.simpletuner.settings import FilesByParts, checkpoint_files
from clipstore.sources.textfiles import Unreadable, read_bytes

MEDIA_LOG = "validation_media.jsonl"
MAX_LOG_BYTES = 256 * 2**20
MAX_STATE_BYTES = 16 * 2**20
EPOCH_TOLERANCE = 1.1
"""An epoch's length is known when the checkpoints bound it to a tenth."""


@dataclass(frozen=True)
class MediaLog:
    """validation_media.jsonl, the exact names of what was saved."""

    rows: Mapping[str, MediaRow]
    """File name → what it is; of several rows for one file the last, as the file was overwritten.
    """
    last_order: tuple[str, ...] = ()
    """Short names of the last logged step in the trainer's order."""
    advice: tuple[str, ...] = ()


def read_media_log(path: Path | None) -> MediaLog:
    """The log, or an empty one when there is none or it cannot be read."""
    if path is None:
        return MediaLog({})
    try:
        data = read_bytes(path, max_bytes=MAX_LOG_BYTES)
    except Unreadable as error:
        return MediaLog({}, advice=(f"{MEDIA_LOG} is not used: {error}.",))
    rows: dict[str, MediaRow] = {}
    damaged: list[int] = []
    offset = 0
    for line in data.split(b"\n"):
        if line.strip(b" \r\t"):
            named = _line_to_row(line)
            if named is None:
                damaged.append(offset)
            else:
                rows.pop(named[0], None)  # a repeated row counts where it was last written
                rows[named[0]] = named[1]
        offset += len(line) + 1
    advice: tuple[str, ...] = ()
    if damaged:
        advice = (
            f"{MEDIA_LOG}: {len(damaged)} damaged lines are passed over, the first at byte "
            f"{damaged[0]:,}; the pictures' names say the same.",
        )
    last_step = max((row.step for row in rows.values()), default=None)
    order = dict.fromkeys(row.shortname for row in rows.values() if row.step == last_step)
    return MediaLog(rows, tuple(order), advice)


def steps_to_epochs(steps: Iterable[int], files: FilesByParts) -> dict[int, int]:
    """Epochs of the steps that the checkpoints' training_state.json date: their own steps, and
    those between two checkpoints of one epoch. Training begins in epoch 1."""
    known = [(0, 1)]
    for step, path in checkpoint_files(files, "training_state.json"):
        epoch = _state_to_epoch(path)
        if (
            epoch is not None and step > known[-1][0]
        ):  # of a rolling checkpoint's pair one is enough
            known.append((step, epoch))
    at = [step for step, _ in known]
    epochs: dict[int, int] = {}
    for step in steps:
        after = bisect_left(at, step)
        if step > 0 and after < len(known):
            (_, earlier), (reached, later) = known[after - 1], known[after]
            if step == reached or earlier == later:
                epochs[step] = later
    return epochs


def epochs_to_planned_steps(n_epochs: int, files: FilesByParts) -> int | None:
    """Optimizer steps in so many epochs, by the epochs that the checkpoints were saved in.

    A checkpoint at step s in epoch e, counted from 1, bounds an epoch to s / e … s / (e - 1) steps.
    None unless all together bound it to `EPOCH_TOLERANCE`; then the longer end counts: with a plan
    that seems too long a verdict comes late, with one that seems too short it is wrong.
    """
    shortest, longest = 0.0, math.inf
    for step, path in checkpoint_files(files, "training_state.json"):
        epoch = _state_to_epoch(path)
        if epoch is not None and epoch >= 1:
            shortest = max(shortest, step / epoch)
            longest = min(longest, step / (epoch - 1)) if epoch > 1 else longest
    if not 0 < shortest <= longest <= EPOCH_TOLERANCE * shortest:
        return None
    return math.ceil(n_epochs * longest)


def _line_to_row(line: bytes) -> tuple[str, MediaRow] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    step, label, index, path = (row.get(key) for key in ("step", "label", "index", "path"))
    if not (isinstance(label, str) and isinstance(path, str)):
        return None
    if not (isinstance(step, int) and isinstance(index, int)):
        return None
    return PurePosixPath(path).name, MediaRow(step, label, index)


def _state_to_epoch(path: Path) -> int | None:
    # A search, not a parse: the same file lists the samples seen so far and can be megabytes long.
    try:
        data = read_bytes(path, max_bytes=MAX_STATE_BYTES)
    except Unreadable:
        return None
    match = re.search(rb'"epoch"\s*:\s*([0-9]{1,9})\b', data)
    return int(match[1]) if match else None
