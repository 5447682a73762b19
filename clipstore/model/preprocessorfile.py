"""A checkpoint's `preprocessor_config.json` to the pixel path that it asks for.

Invariant: what the file says is done exactly or refused by name; where it is silent, or says null,
transformers' defaults for the family's processor hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from clipstore.errors import ModelRefused
from clipstore.model.preprocess import CLIP_MEAN, CLIP_STD, Preprocessing
from clipstore.modelidentity import Family


@dataclass(frozen=True)
class ProcessorDefaults:
    """What transformers' image processor of a family does when the file does not say."""

    names: frozenset[str]
    """What the processor was called through the years."""
    size: Mapping[str, int]
    center_crop: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


PROCESSORS: Mapping[Family, ProcessorDefaults] = {
    "clip": ProcessorDefaults(
        names=frozenset(
            {
                "CLIPFeatureExtractor",
                "CLIPImageProcessor",
                "CLIPImageProcessorFast",
                "CLIPImageProcessorPil",
            }
        ),
        size={"shortest_edge": 224},
        center_crop=True,
        mean=CLIP_MEAN,
        std=CLIP_STD,
    ),
    "siglip": ProcessorDefaults(
        names=frozenset(
            {"SiglipImageProcessor", "SiglipImageProcessorFast", "SiglipImageProcessorPil"}
        ),
        size={"height": 224, "width": 224},
        center_crop=False,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    ),
}

IMPLEMENTED_STEPS = frozenset(
    {"do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb"}
)


def read_preprocessing(
    stated: Mapping[str, object], model_name: str, family: Family = "clip"
) -> Preprocessing:
    """What a checkpoint's `preprocessor_config.json` asks for.

    Raises `ModelRefused` for anything that `Preprocessing` would not do exactly so.
    """
    said = {key: value for key, value in stated.items() if value is not None}
    reader = _Reader(said, model_name, PROCESSORS[family])
    reader.refuse_other_processors()
    side = reader.square("crop_size") if reader.crops() else None
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
        mean=reader.channels("image_mean", reader.defaults.mean, off=0.0),
        std=reader.channels("image_std", reader.defaults.std, off=1.0),
    )


@dataclass(frozen=True)
class _Reader:
    """The settings of one file, checked one by one."""

    stated: Mapping[str, object]
    model_name: str
    defaults: ProcessorDefaults

    def refusal(self, why: str) -> ModelRefused:
        return ModelRefused(
            self.model_name,
            f"its preprocessor_config.json asks for what clipstore does not do: {why}. "
            "Scores from other pixels would be wrong ones.",
        )

    def refuse_other_processors(self) -> None:
        for key in ("image_processor_type", "feature_extractor_type"):
            kind = self.stated.get(key)
            if kind and kind not in self.defaults.names:
                raise self.refusal(f"{key} {kind!r}, not one of {sorted(self.defaults.names)}")
        for key, value in self.stated.items():
            if key.startswith("do_") and key not in IMPLEMENTED_STEPS and value:
                raise self.refusal(f"the step {key}")
        if self.stated.get("use_square_size"):
            raise self.refusal("use_square_size")

    def crops(self) -> bool:
        return self.switch("do_center_crop", self.defaults.center_crop)

    def switch(self, key: str, default: bool = True) -> bool:
        value = self.stated.get(key, default)
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
        value = self.stated.get("size", self.defaults.size)
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
