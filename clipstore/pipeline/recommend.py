"""Measured rates to what a user should ask `ingest` for, in words. Pure.

Invariant: every advice names the figures it follows from; what cannot be set is said to be found by
`ingest` itself; nothing is advised that would leave the bound on a score's error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clipstore.pipeline.rates import Rates

CLEARLY_FASTER = 1.2
"""So many times as fast must bfloat16's products be to be mentioned."""


@dataclass(frozen=True)
class LoadedModel:
    """What was measured, as `ingest` would load it with --dtype auto."""

    device: str
    """As torch calls it: cpu, cuda, mps."""
    dtype: str
    batch_size: int
    """Pictures per batch, as `ingest` begins with."""
    bfloat16_speed: float | None
    """How many times as fast as in float32 its matrix products are in bfloat16; None on a GPU."""


def choose_workers(rates: Rates) -> int:
    """The fewest reading processes that keep up with the model; all where none can."""
    if rates.model_per_s is None or rates.is_decode_bound:
        return rates.n_processes
    needed = math.ceil(rates.model_per_s / rates.read_by_one_per_s)
    return max(1, min(needed, rates.n_processes))


def advise_on_workers(rates: Rates) -> str:
    """--workers, and why."""
    n = choose_workers(rates)
    if rates.model_per_s is None:
        return f"--workers {n}, the default: one per core"
    if rates.is_decode_bound:
        return f"--workers {n}, the default: one per core, and all of them are needed"
    if n == rates.n_processes:
        return f"--workers {n}, the default: one per core, as many as the model needs"
    return f"--workers {n} keeps up with the model; the default, {rates.n_processes}, does no harm"


def advise_on_batch_size(model: LoadedModel) -> str:
    """There is no option for it, and why none is missed."""
    return (
        f"batches of {model.batch_size}: found by ingest itself, and halved when memory runs out; "
        "nothing to set"
    )


def advise_on_dtype(model: LoadedModel) -> str:
    """--dtype, and what another one would cost."""
    advice = f"--dtype auto, the default: {model.dtype} here"
    speed = model.bfloat16_speed
    if speed is not None and speed >= CLEARLY_FASTER:
        advice += (
            f". bfloat16 multiplies {speed:.1f} times as fast, but where it was measured its "
            "cosines were off by 4e-4 to 4e-3 (3e-4 is allowed), and its scores are another model's"
        )
    return advice


def advise_on_bound(rates: Rates, *, has_fast_decoder: bool) -> str:
    """Which stage an ingest of such pictures waits for, and what would help."""
    if rates.model_per_s is None:
        return "not known: the model was not measured"
    ratio = rates.read_by_all_per_s / rates.model_per_s
    if not rates.is_decode_bound:
        return (
            f"the model: reading is {ratio:.2g} times as fast, so more readers would not help; "
            "a GPU that this torch can use would, or a smaller model (its scores are another curve)"
        )
    how = "more cores" if has_fast_decoder else "pip install 'clipstore[fast]', or more cores"
    return f"reading: the model is {1 / ratio:.2g} times as fast. What helps: {how}"
