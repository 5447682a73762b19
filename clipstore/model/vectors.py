"""What an embedder takes and says, as plain values.

Lives apart from `embed` so that ingest and tests handle it without loading torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Dtype = Literal["float32", "float16", "bfloat16"]
DtypeChoice = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class TextVectors:
    """Prompts as the text tower sees them, in the order they were given."""

    vectors: NDArray[np.float32]
    """(n, dimension), each of length 1."""
    token_counts: NDArray[np.int64]
    """(n,) tokens of the whole text, start and end tokens included, before any truncation."""
    is_truncated: NDArray[np.bool_]
    """(n,) True where the text has more tokens than the model reads, so its tail was not scored."""


def replace_lone_surrogates(text: str) -> str:
    """Half a character, as "\\ud800" in JSON, becomes U+FFFD: no tokenizer takes it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
