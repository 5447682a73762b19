"""open_clip's preprocessing settings to the pixel path that they ask for. No torch, no open_clip.

Invariant: the path is that of open_clip's transform for evaluation; what is not done exactly so is
refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from PIL import Image

from clipstore.errors import ModelRefused
from clipstore.model.preprocess import Preprocessing

FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def read_open_clip_preprocessing(stated: Mapping[str, object], model_name: str) -> Preprocessing:
    """What a network's complete `preprocess_cfg` asks for. Raises `ModelRefused`."""

    def refusal(key: str) -> ModelRefused:
        return ModelRefused(
            model_name,
            f"its open_clip_config.json asks for what clipstore does not do: {key} is "
            f"{stated.get(key)!r}. Scores from other pixels would be wrong ones.",
        )

    size = stated.get("size")
    side = size[0] if isinstance(size, (list, tuple)) and size and size[0] == size[-1] else size
    if isinstance(side, bool) or not isinstance(side, int) or not 0 < side <= 4096:
        raise refusal("size")
    if stated.get("mode", "RGB") != "RGB":
        raise refusal("mode")
    resample = FILTERS.get(str(stated.get("interpolation")))
    if resample is None:
        raise refusal("interpolation")
    squashes = stated.get("resize_mode") == "squash"
    if not squashes and stated.get("resize_mode") != "shortest":
        raise refusal("resize_mode")

    def channels(key: str) -> tuple[float, float, float]:
        value = stated.get(key)
        if not isinstance(value, (list, tuple)) or len(value) != 3:
            raise refusal(key)
        if not all(isinstance(v, (int, float)) and math.isfinite(v) for v in value):
            raise refusal(key)
        if key == "std" and 0 in value:
            raise refusal(key)
        red, green, blue = (float(v) for v in value)
        return red, green, blue

    return Preprocessing(
        side_px=side,
        shortest_edge_px=None if squashes else side,
        fixed_px=(side, side) if squashes else None,
        resample=resample,
        rescale_factor=1 / 255,
        mean=channels("mean"),
        std=channels("std"),
        library="open_clip",
    )
