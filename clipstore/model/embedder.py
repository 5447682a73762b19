"""What the pipeline asks of a scorer. `clipstore.model.embed` has the real one, on torch.

It stands apart so that everything but `embed` works, and is tested, without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipstore.model.vectors import TextVectors
from clipstore.modelidentity import Model


class PixelPath(Protocol):
    """A picture's way to what the model looks at. A value: it can be sent to another process."""

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(height, width, 3) pixels to (side, side, 3), resized and cropped, not normalised.

        Raises `ValueError` for a shape that the model cannot take.
        """
        ...


Pictures = Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
"""Prepared pixels, each (side, side, 3): in one array (n, side, side, 3), or each for itself."""


class Arriving(Protocol):
    """Vectors that are being computed, (n, dimension)."""

    @property
    def is_there(self) -> bool:
        """Whether `wait` would return at once."""
        ...

    def wait(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Arrived:
    """Satisfies `Arriving`: nothing to wait for."""

    vectors: NDArray[np.float32]
    is_there: bool = True

    def wait(self) -> NDArray[np.float32]:
        return self.vectors


class Embedder(Protocol):
    """Turns pictures and texts into unit vectors of one space."""

    @property
    def model(self) -> Model: ...

    @property
    def batch_size(self) -> int:
        """Pictures per call that suit the device."""
        ...

    @property
    def preprocessing(self) -> PixelPath:
        """What makes the pixels of `embed_images`."""
        ...

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, side, side, 3) prepared pixels to unit vectors (n, dimension)."""
        ...

    def start_images(self, pixels: Pictures) -> Arriving:
        """The same, begun: a device that computes by itself does so while the caller goes on.
        The pixels must stay as they are until the vectors are there."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> TextVectors:
        """Texts to unit vectors (n, dimension) and their token counts."""
        ...
