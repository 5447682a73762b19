"""A loaded checkpoint as the embedder uses it, whatever family and library it came from.

Invariant: two plain callables and the numbers that make a cosine a score. What is particular to a
family stays in its own file (`clip`, `siglip`, `openclip`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from clipstore.modelidentity import Family


class TextTower(Protocol):
    """Texts to features, in float32."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the network reads, marks included: 77 for CLIP, 64 for SigLIP."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text, marks included, before any truncation."""
        ...

    def features(self, texts: Sequence[str], device: str) -> Tensor:
        """Each text cut to `max_tokens` as the reference cuts it: (n, dimension)."""
        ...

    def to(self, device: str) -> None:
        """Move the network."""
        ...


@dataclass(frozen=True)
class Towers:
    """What a family's file makes of a checkpoint. On the CPU, in float32, ready to infer."""

    family: Family
    image: nn.Module
    """Normalised pixel values (n, 3, side, side) to features (n, dimension)."""
    text: TextTower
    dimension: int
    logit_scale: float
    """exp of the learned temperature."""
    logit_bias: float
    """0.0 where the model has none."""
    image_tokens: int
    """Positions of the image tower's sequence."""
    bytes_per_token: int
    """Of the image tower's activations at their peak, about, in half precision."""
    software: str
    """The library that made the networks, with its version."""
