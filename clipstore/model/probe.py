"""A few fixed pictures and texts whose cosines tell whether two computations are the same.

Invariant: the same on every machine and with every version of every library, so that what one
installation made of it can be compared with what another makes. Pictures and texts go the whole
way that a user's go. Nothing here is random: generators' streams change between versions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipstore.model.embedder import Embedder, PixelPath

PROBE_TEXTS = (
    "a photo of a cat",
    "Two RED circles, left of a blue square!",
    "",
    "naïve 猫 🐈 &amp;",
)

TOLERANCE = {"float32": 2e-5, "float16": 6e-4, "bfloat16": 4e-3}
"""By dtype, in cosine: twice what one computation in it may be off, as two are compared. float32
is held to 1e-5 and float16 to 3e-4 of transformers in float32; bfloat16 is held to no bound, and
was measured to be off by up to 1.9e-3."""


def probe_pictures() -> list[NDArray[np.uint8]]:
    """Four pictures (height, width, 3): smooth, coarse, fine, and flat, none of them square. The
    fine one is large and tall, since Pillow 13 changed the order of its two passes for such."""
    y, x = np.mgrid[0:180, 0:260]
    smooth = np.stack([x * 255 // 259, y * 255 // 179, (x + y) * 255 // 438], axis=-1)
    coarse = np.stack([(x // 40 + y // 40) % 2 * 255, x // 65 * 60, y // 45 * 60], axis=-1)
    # The top byte of a multiplied number: noise that integers make alike everywhere.
    down, across = np.mgrid[0:1240, 0:480]
    fine = down[..., None] * 179 + across[..., None] * 73 + np.arange(3) * 57 + 1
    fine = (fine * 40503 >> 8) & 255
    flat = np.broadcast_to(np.array([200, 90, 30]), (180, 260, 3))
    return [picture.astype(np.uint8) for picture in (smooth, coarse, fine, flat)]


def probe_pixels(path: PixelPath) -> NDArray[np.uint8]:
    """The probe's pictures as a model gets them: (4, side, side, 3)."""
    return np.stack([path.prepare(picture) for picture in probe_pictures()])


def score_probe(embedder: Embedder) -> tuple[float, ...]:
    """The cosine of each probe picture with each probe text, pictures first."""
    images = embedder.embed_images(probe_pixels(embedder.preprocessing))  # (4, dimension)
    texts = embedder.embed_texts(PROBE_TEXTS).vectors  # (4, dimension)
    return tuple(float(cosine) for cosine in (images @ texts.T).ravel())


def largest_difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Between two scores of the probe; infinite when they are not of one probe, or not finite."""
    if len(ours) != len(theirs):
        return math.inf
    worst = max((abs(a - b) for a, b in zip(ours, theirs, strict=True)), default=math.inf)
    return worst if math.isfinite(worst) else math.inf
