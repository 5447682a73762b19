"""A recognised file to the panels that will be scored: read, decode, find the boxes, crop.

Invariant: only what was cut with confidence leaves here; a composite is never scored whole.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.clips import Clip, decode_clip, is_clip, is_logged_gif
from clipstore.pictures.composites import find_panels
from clipstore.pictures.images import (
    DecodedPicture,
    RawPicture,
    crop_pixels,
    decode_picture,
    pixels_to_crop_id,
    read_picture,
    whole_box,
)
from clipstore.pictures.videopanels import find_video_panels
from clipstore.types import Box, Cut, GridCell, Panel, PanelCut, Picture, Problem, content_id

BASE_PICTURES_BYTES = 256 * 2**20
"""Decoded base pictures held at once: those of 85 prompts at 1024 x 1024, 340 at 512 x 512."""

CLIP_NOTE = "mean_of_"
"""Begins the note of a clip: its score is the mean of its frames' scores."""


@dataclass(frozen=True)
class Frame:
    """One picture of a panel."""

    crop_id: int
    rgb: NDArray[np.uint8]  # (box height, box width, 3)


@dataclass(frozen=True)
class PanelPixels:
    """One panel, cut out."""

    panel: Panel
    box: Box
    crop_id: int
    """Identity of all its pixels."""
    frames: tuple[Frame, ...]
    """One for a still picture; of a clip those that are scored."""


@dataclass(frozen=True)
class CutPicture:
    """One file, taken apart."""

    picture: Picture
    raw: RawPicture
    cut: Cut
    notes: tuple[str, ...]
    """Everything that touches the score, from the name, the decoder and the cut."""
    panels: tuple[PanelPixels, ...]


class PanelReader:
    """Reads pictures and cuts them; remembers the base pictures it compared them with.

    Safe to call from several threads.
    """

    def __init__(self, base_pictures_bytes: int = BASE_PICTURES_BYTES) -> None:
        self._base_pictures: OrderedDict[Path, DecodedPicture | None] = OrderedDict()
        self._bytes_kept = 0
        self._max_bytes = base_pictures_bytes
        self._lock = threading.Lock()

    def read(self, picture: Picture, *, now_ns: int) -> CutPicture | Problem:
        """All panels of one file, or why there are none."""
        raw = read_picture(picture.path, now_ns=now_ns)
        if isinstance(raw, Problem):
            return raw
        decoded = decode_any(picture, raw, now_ns=now_ns)
        if isinstance(decoded, Problem):
            return decoded
        return self.cut(picture, raw, decoded, now_ns=now_ns)

    def cut(
        self, picture: Picture, raw: RawPicture, decoded: DecodedPicture | Clip, *, now_ns: int
    ) -> CutPicture | Problem:
        """The same for a picture that was read and decoded already."""
        if isinstance(decoded, Clip):
            return self._cut_clip(picture, raw, decoded, now_ns)
        cut = self._cut(picture, decoded, now_ns)
        if isinstance(cut, Problem):
            return cut
        panels = []
        for part in cut.panels:
            rgb = crop_pixels(decoded.rgb, part.box)
            crop_id = pixels_to_crop_id(rgb)
            panels.append(PanelPixels(part.panel, part.box, crop_id, (Frame(crop_id, rgb),)))
        notes = (*picture.notes, *decoded.notes, *cut.notes)
        return CutPicture(picture, raw, cut, notes, tuple(panels))

    def _cut(self, picture: Picture, decoded: DecodedPicture, now_ns: int) -> Cut | Problem:
        hints = picture.composite
        if picture.cell is not None:
            return _cut_cell(picture, picture.cell, decoded)
        if hints is None:
            box = whole_box(decoded.rgb)
            return Cut((PanelCut(picture.panel, box),), method="whole", confidence=1.0)
        base = self._base_picture(hints.base_picture, now_ns)
        found = find_panels(
            decoded.rgb,
            hints,
            is_lossy=decoded.is_lossy,
            base_pixels=None if base is None else base.rgb,
        )
        if isinstance(found, Cut):
            return found
        return Problem(picture.path, "cut", found.reason, found.detail)

    def _cut_clip(
        self, picture: Picture, raw: RawPicture, clip: Clip, now_ns: int
    ) -> CutPicture | Problem:
        """By the first frame, since the trainer draws all of them alike."""
        hints = picture.composite
        if hints is None:
            box = whole_box(clip.frames[0])
            cut = Cut((PanelCut(picture.panel, box),), method="whole", confidence=1.0)
        else:
            base = self._base_picture(hints.base_picture, now_ns)
            base_pixels = None if base is None else base.rgb
            if is_logged_gif(raw):  # no encoder has stretched it
                found = find_panels(clip.frames[0], hints, is_lossy=True, base_pixels=base_pixels)
            else:
                found = find_video_panels(clip.frames[0], hints, base_pixels)
            if not isinstance(found, Cut):
                return Problem(picture.path, "cut", found.reason, found.detail)
            cut = found
        panels = tuple(_clip_to_panel(part, clip) for part in cut.panels)
        n_frames = len(clip.frames)
        note = f"{CLIP_NOTE}{n_frames}_of_{clip.n_frames}_frames"
        return CutPicture(picture, raw, cut, (*picture.notes, note, *cut.notes), panels)

    def _base_picture(self, path: Path | None, now_ns: int) -> DecodedPicture | None:
        if path is None:
            return None
        with self._lock:
            if path in self._base_pictures:
                self._base_pictures.move_to_end(path)
                return self._base_pictures[path]
        raw = read_picture(path, now_ns=now_ns)
        decoded = raw if isinstance(raw, Problem) else decode_first_picture(raw, now_ns=now_ns)
        # A broken base picture is reported when its own turn comes; here it is only missing
        # evidence.
        base = None if isinstance(decoded, Problem) else decoded
        with self._lock:
            if path not in self._base_pictures:
                self._base_pictures[path] = base
                self._bytes_kept += _n_bytes(base)
            while self._bytes_kept > self._max_bytes:
                _, oldest = self._base_pictures.popitem(last=False)
                self._bytes_kept -= _n_bytes(oldest)
        return base


def _cut_cell(picture: Picture, cell: GridCell, decoded: DecodedPicture) -> Cut | Problem:
    height, width = decoded.rgb.shape[:2]
    if width % cell.n_columns or height % cell.n_rows:
        return Problem(
            picture.path,
            "cut",
            "grid_not_even",
            f"{width} x {height} pixels are no grid of {cell.n_columns} x {cell.n_rows} equal "
            "pictures, which the run's settings ask for.",
        )
    w, h = width // cell.n_columns, height // cell.n_rows
    left, top = cell.place % cell.n_columns * w, cell.place // cell.n_columns * h
    box = Box(left, top, left + w, top + h)
    return Cut((PanelCut(picture.panel, box),), method="grid_cell", confidence=1.0)


def decode_any(
    picture: Picture, raw: RawPicture, *, now_ns: int
) -> DecodedPicture | Clip | Problem:
    """A still picture or a clip. What is cut from a grid is never a clip, and no trainer draws
    composites into an animated WebP."""
    drawn_in = picture.path.suffix == ".mp4" or is_logged_gif(raw)
    may_be = picture.cell is None and (picture.composite is None or drawn_in)
    if may_be and is_clip(raw):
        return decode_clip(raw, now_ns=now_ns)
    return decode_picture(raw, now_ns=now_ns)


def decode_first_picture(raw: RawPicture, *, now_ns: int) -> DecodedPicture | Problem:
    """A still picture, or the first frame of a clip."""
    if not is_clip(raw):
        return decode_picture(raw, now_ns=now_ns)
    clip = decode_clip(raw, now_ns=now_ns)
    return clip if isinstance(clip, Problem) else DecodedPicture(clip.frames[0], True, ())


def _clip_to_panel(part: PanelCut, clip: Clip) -> PanelPixels:
    pixels = [crop_pixels(frame, part.box) for frame in clip.frames]
    frames = tuple(Frame(pixels_to_crop_id(rgb), rgb) for rgb in pixels)
    crop_id = content_id("clip", *(str(frame.crop_id) for frame in frames))
    return PanelPixels(part.panel, part.box, crop_id, frames)


def _n_bytes(base: DecodedPicture | None) -> int:
    return 0 if base is None else base.rgb.nbytes
