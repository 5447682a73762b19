"""Who measured imported scores: a model whose identity says that it was imported, and how.

Invariant: an imported model is never one of our own, whatever it is called: weights, pixel path and
arithmetic are someone else's word. So its scores stand beside ours and never among them.
"""

from __future__ import annotations

from clipstore.model.bands import DEFAULT_MODEL, DEFAULT_MODEL_BAND
from clipstore.modelidentity import Band, Model

LARGEST_PLAUSIBLE_COSINE = 0.6
"""True pairs score .2 to .4 with CLIP models of OpenAI's kind. A file that goes far beyond was made
on another scale or with another formula, so the band is not its."""


def imported_model(name: str, scale: float, band: Band | None) -> Model:
    """The model that --model names, as measured elsewhere and multiplied by `scale`."""
    return Model(
        name=f"{name} (imported)",
        revision="",
        weights_sha256=f"imported: {name}",
        preprocessing="not known: measured elsewhere",
        dtype="not known",
        dimension=0,
        logit_scale=1.0,
        software=f"imported, divided by {scale:g}",
        band=band,
        backend="imported",
    )


def band_by_name(name: str, largest_cosine: float) -> Band | None:
    """The band of the default model for imported scores that are called its and look like it."""
    if name == DEFAULT_MODEL and largest_cosine <= LARGEST_PLAUSIBLE_COSINE:
        return DEFAULT_MODEL_BAND
    return None
