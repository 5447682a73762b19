"""A reading process that reads nothing: every file is one clean picture of its name's content.

Runs in place of `clipstore.pipeline.readworker`, of which all else is as it is.
"""

from __future__ import annotations

import hashlib

import numpy as np

from clipstore.model.embedder import PixelPath
from clipstore.pipeline import reading, readworker
from clipstore.pipeline.reading import ReadFrame, ReadPanel, ReadPicture, ReadResult, ReadTask
from clipstore.types import Box, content_id

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from benchmarks.nullreader import main; main()"
)
"""Instead of `readprocess._START`."""
SIDE_PX = 64


class NullReader:
    """In place of `reading.PictureReader`."""

    def __init__(self, pixel_path: PixelPath, _base_pictures_bytes: int) -> None:
        self._pixels = pixel_path.prepare(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8))

    def read(self, task: ReadTask) -> ReadResult:
        name = str(task.picture.path)
        digest, crop_id = hashlib.sha256(name.encode()).hexdigest(), content_id(name)
        panel = ReadPanel(
            task.picture.panel,
            Box(0, 0, SIDE_PX, SIDE_PX),
            crop_id,
            (ReadFrame(crop_id, self._pixels),),
        )
        return ReadResult(ReadPicture(task.picture, digest, 1, 1, "whole", 1.0, (), (panel,)))


def main() -> None:
    """As of `readworker`."""
    reading.PictureReader = NullReader  # type: ignore[misc, assignment]
    readworker.main()
