"""Which CLIP model made a score, and where its scores stop telling runs apart.

Invariant: a band, like a score, belongs to one model; whatever changes the numbers is part of the
model's identity, and its name is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from clipstore.types import content_id

Family = Literal["clip", "siglip"]
"""What a model's cosines mean: the logit is `logit_scale * cosine + logit_bias`; CLIP was trained
to rank one text's logit above the others' (softmax), SigLIP to say yes or no to each (sigmoid)."""


@dataclass(frozen=True)
class Band:
    """Where a CLIP model's scores stop telling models apart. Belongs to one model only."""

    poor_below_cosine: float
    """Mean cosine under which the pictures hardly follow the prompts."""
    low_cosine: float
    """From here differences stop being informative."""
    high_cosine: float
    """The band's upper end."""


@dataclass(frozen=True)
class Model:
    """The identity of a scorer. Scores of two models never mix; weights, tokenizer, pixel path and
    arithmetic make the numbers, so they make the model, under whatever name its files lie."""

    name: str
    """Hub id, or the folder's name for a local model. Not part of the identity."""
    revision: str
    """Hub commit where known, else empty. Not part of the identity."""
    weights_sha256: str
    preprocessing: str
    """Version of the pixel path, for example "pil-bicubic-shortest336-center336-v1"."""
    dtype: str
    """Arithmetic of the image tower: "float32", "float16", "bfloat16"."""
    dimension: int
    """Length of a vector."""
    logit_scale: float
    """exp of the model's learned temperature; 1.0 where it has none."""
    software: str
    """Versions that computed it, for example "torch 2.13.0, transformers 5.23.0". Newer ones may
    go on under the same identity where a probe shows that they compute the same."""
    band: Band | None = None
    """None unless known for this very model. Not part of the identity."""
    backend: str = ""
    """Library and device, for example "torch-cuda"; empty for models that were stored before this
    was part of the identity."""
    tokenizer_sha256: str = ""
    """Of the tokenizer's files, since they change the text vectors; empty as `backend`."""
    family: Family = "clip"
    """How the training turned a cosine into a logit. Not part of the identity: weights decide."""
    logit_bias: float = 0.0
    """Added to logit_scale * cosine before SigLIP's sigmoid; 0.0 where the model has none."""
    probe_cosines: tuple[float, ...] = ()
    """What it made of `model.probe`'s pictures and texts; empty when not asked. Not part of the
    identity."""

    @cached_property
    def model_id(self) -> int:
        if not self.backend:
            return content_id(self.weights_sha256, self.preprocessing, self.dtype)
        return content_id(
            *(self.weights_sha256, self.tokenizer_sha256, self.preprocessing),
            *(self.backend, self.dtype, self.software),
        )
