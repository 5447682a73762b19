"""Pixels to model input, bit for bit as the checkpoint's own library makes it with Pillow.

Owned here, not borrowed: the class that transformers picks by itself gives other pixels where
torchvision is installed, and where the crop falls moves a score by up to 3.5e-3. Pillow and numpy
only, so that worker threads and processes run it without torch. What they hand on is bytes, a
quarter of the floats; the model's device looks the floats up.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Channel means of OpenAI's training pictures; what CLIP checkpoints mean when they say nothing."""
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

MAX_RESIZED_PX = 64_000_000
"""A 16 x 4,000,000 picture would be resized to 28 billion pixels before its centre is cut out."""


@dataclass(frozen=True)
class Preprocessing:
    """One checkpoint's way from RGB pixels to its input. Values only: it can be pickled."""

    side_px: int
    """Width and height of the model's input."""
    shortest_edge_px: int | None
    """The picture is resized so that its shorter edge has this length; None for `fixed_px`."""
    fixed_px: tuple[int, int] | None
    """Height and width that every picture is resized to, whatever its shape; else None."""
    resample: Image.Resampling
    rescale_factor: float
    """Multiplies the values 0 to 255; 1/255 for CLIP."""
    mean: tuple[float, float, float]
    """Red, green, blue, after rescaling."""
    std: tuple[float, float, float]
    library: Literal["transformers", "open_clip"] = "transformers"
    """Whose rounding: where the crop falls on an odd margin, and how bytes become floats."""

    @property
    def version(self) -> str:
        """Names everything that changes a pixel; part of the model's identity."""
        if self.fixed_px is None:
            size = f"shortest{self.shortest_edge_px}"
        else:
            size = f"fixed{self.fixed_px[0]}x{self.fixed_px[1]}"
        levels = (self.rescale_factor, self.mean, self.std)
        tag = ""
        if levels != (1 / 255, CLIP_MEAN, CLIP_STD):
            tag = f"-levels{hashlib.sha256(repr(levels).encode()).hexdigest()[:8]}"
        path = "pil" if self.library == "transformers" else "openclip"
        return f"{path}-{self.resample.name.lower()}-{size}-center{self.side_px}{tag}-v1"

    def resized_px(self, height_px: int, width_px: int) -> tuple[int, int]:
        """Height and width after resizing, before the crop. The longer edge is rounded down."""
        if self.fixed_px is not None:
            return self.fixed_px
        edge = self.shortest_edge_px or self.side_px
        if width_px <= height_px:
            return int(edge * height_px / width_px), edge
        return edge, int(edge * width_px / height_px)

    def level_table(self) -> NDArray[np.float32]:
        """What the model is given for each byte of each channel: (3, 256).

        A byte has 256 values: normalising those and looking pixels up is exact and fast.
        """
        if self.library == "transformers":
            levels = (np.arange(256, dtype=np.float64) * self.rescale_factor).astype(np.float32)
        else:
            levels = np.arange(256, dtype=np.float32) / np.float32(255)
        mean, std = (np.array(values, np.float32)[:, None] for values in (self.mean, self.std))
        table: NDArray[np.float32] = (levels - mean) / std  # (3, 256)
        return table

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What the model looks at, resized and cropped: (h, w, 3) -> (side_px, side_px, 3).

        Raises `ValueError` when `rgb` is not such an array, or so long and thin that resizing it
        would need more than `MAX_RESIZED_PX` pixels.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise ValueError(f"wanted (h, w, 3) uint8 pixels, got {rgb.shape} {rgb.dtype}")
        height_px, width_px = self.resized_px(rgb.shape[0], rgb.shape[1])
        if height_px * width_px > MAX_RESIZED_PX:
            raise ValueError(
                f"a picture of {rgb.shape[1]} x {rgb.shape[0]} pixels is too long and thin: "
                f"resized it would have {width_px} x {height_px}"
            )
        resized = Image.fromarray(rgb).resize((width_px, height_px), self.resample)
        left, top = self._margin_px(width_px), self._margin_px(height_px)
        pixels = np.asarray(resized)[top : top + self.side_px, left : left + self.side_px]
        return np.ascontiguousarray(pixels)

    def _margin_px(self, length_px: int) -> int:
        """What the crop leaves away on the left or at the top."""
        margin = length_px - self.side_px
        if self.library == "transformers":
            return margin // 2
        # torchvision rounds, a half to the even side.
        return round(margin / 2)
