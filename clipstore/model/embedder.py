"""What the pipeline asks of a scorer. `clipstore.model.embed` has the real one, on torch.

It stands apart so that everything but `embed` works, and is tested, without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipstore.model.vectors import TextVectors
from clipstore.types import Model


class Embedder(Protocol):
    """Turns pictures and texts into unit vectors of one space."""

    @property
    def model(self) -> Model: ...

    @property
    def batch_size(self) -> int:
        """Pictures per call that suit the device."""
        ...

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(height, width, 3) pixels to the model's input (3, side, side). Called in threads.

        Raises `ValueError` for a shape that the model cannot take.
        """
        ...

    def embed_images(self, prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 3, side, side) to unit vectors (n, dimension)."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> TextVectors:
        """Texts to unit vectors (n, dimension) and their token counts."""
        ...
