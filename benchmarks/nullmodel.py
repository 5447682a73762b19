"""A model that costs nothing and takes pixels of any size: what is left is everything else.

Apart from the benchmarks that use it, because reading processes import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipstore.model.embedder import Arrived, Arriving, Pictures
from clipstore.model.vectors import TextVectors
from clipstore.modelidentity import Model

DIMENSION = 768


@dataclass(frozen=True)
class NullPixels:
    """A picture to one colour, in the size that a model would get."""

    side_px: int

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.broadcast_to(rgb[0, 0], (self.side_px, self.side_px, 3)).copy()


class NullEmbedder:
    """Satisfies `clipstore.model.embedder.Embedder`: every vector is the same one."""

    def __init__(self, side_px: int, batch_size: int) -> None:
        self.model = Model(
            name="null",
            revision="",
            weights_sha256="0" * 64,
            preprocessing=f"null-{side_px}",
            dtype="float32",
            dimension=DIMENSION,
            logit_scale=1.0,
            software="benchmarks",
            band=None,
        )
        self.preprocessing = NullPixels(side_px)
        self.batch_size = batch_size

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.start_images(pixels).wait()

    def start_images(self, pixels: Pictures) -> Arriving:
        return Arrived(np.full((len(pixels), DIMENSION), DIMENSION**-0.5, np.float32))

    def embed_texts(self, texts: Sequence[str]) -> TextVectors:
        vectors = np.full((len(texts), DIMENSION), DIMENSION**-0.5, np.float32)
        return TextVectors(vectors, np.ones(len(texts), np.int64), np.zeros(len(texts), bool))
