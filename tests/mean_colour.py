"""A stand-in for CLIP that means something: a picture is its mean colour, a text the colour it
names. A red panel scores 1.0 against "red" whatever its size, and .707 when half of it is green,
so a score shows exactly which pixels were looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipstore.model.embedder import Arrived, Arriving, Pictures
from clipstore.model.vectors import TextVectors
from clipstore.modelidentity import Band, Model

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "grey": (1, 1, 1)}
MAX_WORDS = 5


@dataclass(frozen=True)
class MeanColourPixels:
    """A picture to one pixel of its mean colour, rounded to bytes."""

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.rint(rgb.mean(axis=(0, 1), keepdims=True)).astype(np.uint8)  # (1, 1, 3)


class MeanColourEmbedder:
    """Satisfies `clipstore.model.embedder.Embedder`; counts what goes through the "model"."""

    def __init__(self, name: str = "mean-colour", band: Band | None = None, batch_size: int = 4):
        self.model = Model(
            name=name,
            revision="",
            weights_sha256="0" * 64,
            preprocessing="mean-v1",
            dtype="float32",
            dimension=3,
            logit_scale=1.0,
            software="tests",
            band=band,
        )
        self.preprocessing = MeanColourPixels()
        self.batch_size = batch_size
        self.n_pictures = 0
        self.n_texts = 0

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.n_pictures += len(pixels)
        means = pixels.mean(axis=(1, 2))  # (n, 3)
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)

    def start_images(self, pixels: Pictures) -> Arriving:
        return Arrived(self.embed_images(np.stack(pixels)))

    def embed_texts(self, texts: Sequence[str]) -> TextVectors:
        self.n_texts += len(texts)
        rows = []
        for text in texts:
            named = [COLOURS[word] for word in text.lower().split() if word in COLOURS]
            vector = np.sum(named or [(1, 1, 1)], axis=0).astype(np.float32)
            rows.append(vector / np.linalg.norm(vector))
        counts = np.array([len(text.split()) for text in texts])
        return TextVectors(np.stack(rows), counts, counts > MAX_WORDS)
