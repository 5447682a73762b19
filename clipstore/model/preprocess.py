"""Pixels to model input, bit for bit as transformers' `CLIPImageProcessorPil` makes it.

Owned here, not borrowed: the class that transformers picks by itself gives other pixels where
torchvision is installed, and where the crop falls moves a score by up to 3.5e-3. Pillow and numpy
only, so that worker threads and processes run it without torch. What they hand on is bytes, a
quarter of the floats; the model's device looks the floats up.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipstore.errors import ModelRefused

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Channel means of OpenAI's training pictures; what CLIP checkpoints mean when they say nothing."""
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

CLIP_PROCESSORS = frozenset(
    {
        "CLIPFeatureExtractor",
        "CLIPImageProcessor",
        "CLIPImageProcessorFast",
        "CLIPImageProcessorPil",
    }
)
"""Names, through the years, of the processor whose defaults and order of steps this module has."""

IMPLEMENTED_STEPS = frozenset(
    {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"}
)

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
        return f"pil-{self.resample.name.lower()}-{size}-center{self.side_px}{tag}-v1"

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
        levels = (np.arange(256, dtype=np.float64) * self.rescale_factor).astype(np.float32)
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
        left, top = (width_px - self.side_px) // 2, (height_px - self.side_px) // 2
        pixels = np.asarray(resized)[top : top + self.side_px, left : left + self.side_px]
        return np.ascontiguousarray(pixels)


def read_preprocessing(stated: Mapping[str, object], model_name: str) -> Preprocessing:
    """What a checkpoint's `preprocessor_config.json` asks for; CLIP's defaults where it is silent.

    Raises `ModelRefused` for anything that this module would not do exactly so.
    """
    reader = _Reader(stated, model_name)
    reader.refuse_other_processors()
    side = reader.square("crop_size") if reader.switch("do_center_crop") else None
    shortest, fixed = reader.resizing()
    if side is None:
        if fixed is None or fixed[0] != fixed[1]:
            raise reader.refusal("do_center_crop is off, and size does not make pictures square")
        side = fixed[0]
    if min(fixed or (shortest or 0,)) < side:
        raise reader.refusal(f"pictures are resized to less than the crop of {side} pixels")
    return Preprocessing(
        side_px=side,
        shortest_edge_px=shortest,
        fixed_px=fixed,
        resample=reader.resample(),
        rescale_factor=(
            reader.number("rescale_factor", 1 / 255) if reader.switch("do_rescale") else 1.0
        ),
        mean=reader.channels("image_mean", CLIP_MEAN, off=0.0),
        std=reader.channels("image_std", CLIP_STD, off=1.0),
    )


@dataclass(frozen=True)
class _Reader:
    """The settings of one file, checked one by one."""

    stated: Mapping[str, object]
    model_name: str

    def refusal(self, why: str) -> ModelRefused:
        return ModelRefused(
            self.model_name,
            f"its preprocessor_config.json asks for what clipstore does not do: {why}. "
            "Scores from other pixels would be wrong ones.",
        )

    def refuse_other_processors(self) -> None:
        for key in ("image_processor_type", "feature_extractor_type"):
            kind = self.stated.get(key) or "CLIPImageProcessor"
            if kind not in CLIP_PROCESSORS:
                raise self.refusal(f"{key} {kind!r}, not CLIP's")
        for key, value in self.stated.items():
            if key.startswith("do_") and key not in IMPLEMENTED_STEPS and value:
                raise self.refusal(f"the step {key}")
        if self.stated.get("use_square_size"):
            raise self.refusal("use_square_size")

    def switch(self, key: str) -> bool:
        value = self.stated.get(key, True)
        if not isinstance(value, bool):
            raise self.refusal(f"{key} is {value!r}, neither true nor false")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.stated.get(key, default)
        if not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise self.refusal(f"{key} is {value!r}, not a positive number")
        return float(value)

    def pixels(self, key: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 4096:
            raise self.refusal(f"{key} is {value!r}, not a number of pixels from 1 to 4096")
        return value

    def square(self, key: str) -> int:
        value = self.stated.get(key, 224)
        if isinstance(value, Mapping):
            if set(value) != {"height", "width"} or value["height"] != value["width"]:
                raise self.refusal(f"{key} is {dict(value)!r}, not square")
            value = value["height"]
        return self.pixels(key, value)

    def resizing(self) -> tuple[int | None, tuple[int, int] | None]:
        """Shortest edge or (height, width), the other being None."""
        if not self.switch("do_resize"):
            raise self.refusal("do_resize is off")
        value = self.stated.get("size", 224)
        if isinstance(value, Mapping):
            if set(value) == {"height", "width"}:
                height = self.pixels("size", value["height"])
                return None, (height, self.pixels("size", value["width"]))
            if set(value) != {"shortest_edge"}:
                raise self.refusal(f"size is {dict(value)!r}")
            value = value["shortest_edge"]
        return self.pixels("size", value), None

    def resample(self) -> Image.Resampling:
        value = self.stated.get("resample", Image.Resampling.BICUBIC.value)
        for known in Image.Resampling:
            if value == known.value and not isinstance(value, bool):
                return known
        raise self.refusal(f"resample is {value!r}, not one of Pillow's filters")

    def channels(
        self, key: str, default: tuple[float, float, float], off: float
    ) -> tuple[float, float, float]:
        if not self.switch("do_normalize"):
            return off, off, off
        value = self.stated.get(key, default)
        if not isinstance(value, (list, tuple)) or len(value) != 3:
            raise self.refusal(f"{key} is {value!r}, not three numbers")
        if not all(isinstance(v, (int, float)) and math.isfinite(v) for v in value):
            raise self.refusal(f"{key} is {value!r}, not three numbers")
        if key == "image_std" and 0 in value:
            raise self.refusal(f"{key} is {value!r}: division by zero")
        red, green, blue = (float(v) for v in value)
        return red, green, blue
