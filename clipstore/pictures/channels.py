"""One value per pixel out of three. Channel by channel: numpy reduces a short last axis slowly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def brightest_channel(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Maximum over red, green and blue; (height, width, 3) to (height, width)."""
    return np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])


def darkest_channel(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Minimum over red, green and blue; (height, width, 3) to (height, width)."""
    return np.minimum(np.minimum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])


def brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luma of ITU-R BT.601, 0 to 255, which JPEG and WebP keep far better than colour;
    (height, width, 3) to (height, width)."""
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32))
