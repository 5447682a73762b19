"""One file to what the scorer needs of it: read, decode, cut, resize. Runs in any process.

Invariant: only values come and go, and of the pixels only what the model will look at, so a reader
can live in a process of its own and die there. Nothing here imports torch, duckdb or polars.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clipstore.model.embedder import PixelPath
from clipstore.pictures.images import read_picture
from clipstore.pictures.panels import Frame, PanelReader, decode_any
from clipstore.types import Box, Panel, Picture, Problem


@dataclass(frozen=True)
class ReadTask:
    """A file to read, and what is known of it already."""

    picture: Picture
    known_sha256: str | None = None
    """The content that is scored already; such a file is not decoded."""
    known_crops: frozenset[int] = frozenset()
    """crop_ids whose vectors are at hand; their pixels are not wanted."""


@dataclass(frozen=True)
class ReadFrame:
    """One picture to go through the model."""

    crop_id: int
    pixels: NDArray[np.uint8] | None  # (side, side, 3)
    """As `PixelPath.prepare` made them; None when its vector is at hand."""


@dataclass(frozen=True)
class ReadPanel:
    """One panel of a file."""

    panel: Panel
    box: Box
    crop_id: int
    frames: tuple[ReadFrame, ...]
    """One for a still picture, with the panel's crop_id; several for a clip, whose score is their
    mean."""


@dataclass(frozen=True)
class ReadTimes:
    """Where a reader spent its time on one file, in seconds."""

    read_s: float = 0.0
    """Bytes from the disk, and their hash."""
    decode_s: float = 0.0
    cut_s: float = 0.0
    """Finding the panels, which may need the base picture read and decoded, and hashing them."""
    resize_s: float = 0.0


@dataclass(frozen=True)
class ReadPicture:
    """One file, taken apart."""

    picture: Picture
    sha256: str
    size_bytes: int
    modified_ns: int
    crop_method: str
    crop_confidence: float
    notes: tuple[str, ...]
    """Everything that touches the score, from the name, the decoder and the cut."""
    panels: tuple[ReadPanel, ...]


@dataclass(frozen=True)
class ReadResult:
    """What became of one file."""

    outcome: ReadPicture | Problem | None
    """None: the file's content is the known one."""
    times: ReadTimes = field(default_factory=ReadTimes)

    @property
    def n_bytes(self) -> int:
        """Memory that the pixels take."""
        if not isinstance(self.outcome, ReadPicture):
            return 0
        return sum(
            frame.pixels.nbytes
            for panel in self.outcome.panels
            for frame in panel.frames
            if frame.pixels is not None
        )


class PictureReader:
    """Reads files for one model; remembers the base pictures it compared them with."""

    def __init__(self, pixel_path: PixelPath, base_pictures_bytes: int) -> None:
        self._pixel_path = pixel_path
        self._panels = PanelReader(base_pictures_bytes)

    def read(self, task: ReadTask) -> ReadResult:
        """The panels of one file, or why there are none. Never raises for a bad file."""
        times = [time.perf_counter()]
        outcome = self._read(task, times)
        spent = [later - earlier for earlier, later in pairwise(times)]
        return ReadResult(outcome, ReadTimes(*spent))

    def _read(self, task: ReadTask, times: list[float]) -> ReadPicture | Problem | None:
        """Appends to `times` as each stage of `ReadTimes` ends."""
        now_ns = time.time_ns()
        raw = read_picture(task.picture.path, now_ns=now_ns)
        times.append(time.perf_counter())
        if isinstance(raw, Problem):
            return raw
        if raw.sha256 == task.known_sha256:
            return None
        decoded = decode_any(task.picture, raw, now_ns=now_ns)
        times.append(time.perf_counter())
        if isinstance(decoded, Problem):
            return decoded
        cut = self._panels.cut(task.picture, raw, decoded, now_ns=now_ns)
        times.append(time.perf_counter())
        if isinstance(cut, Problem):
            return cut
        try:
            panels = tuple(
                ReadPanel(
                    panel.panel,
                    panel.box,
                    panel.crop_id,
                    tuple(self._prepare(frame, task) for frame in panel.frames),
                )
                for panel in cut.panels
            )
        except ValueError as error:
            return Problem(
                task.picture.path, "score", "shape", f"the model cannot take it: {error}."
            )
        finally:
            times.append(time.perf_counter())
        return ReadPicture(
            task.picture,
            raw.sha256,
            raw.size_bytes,
            raw.modified_ns,
            cut.cut.method,
            cut.cut.confidence,
            cut.notes,
            panels,
        )

    def _prepare(self, frame: Frame, task: ReadTask) -> ReadFrame:
        is_known = frame.crop_id in task.known_crops
        return ReadFrame(frame.crop_id, None if is_known else self._pixel_path.prepare(frame.rgb))
