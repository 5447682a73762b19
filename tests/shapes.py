"""The thirteen courses a run can take, without noise, as functions of the share of its plan.

Invariant: a shape draws its own numbers from the generator it is given and knows nothing of
prompts, holes or detectors. Sizes are those a detector must tell apart: collapses lose .055 and
more, dips last at most an eighth of the plan and recover, late bloomers start by .55 of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator
Shape = Callable[[Rng, Floats], Floats]
"""(generator, (T,) shares of the plan, up to 1) to (T,) mean cosine."""


def approach(rng: Rng, u: Floats, knee: float) -> Floats:
    """0 to 1, nearly there at the knee: a hinge, an exponential or a sigmoid."""
    form = rng.integers(3)
    if form == 0:
        return np.clip(u / knee, 0, 1)
    if form == 1:
        return np.asarray(1 - np.exp(-2.7 * u / knee))
    rise = sigmoid(u, 0.55 * knee, 0.1 * knee)
    start = sigmoid(np.zeros(1), 0.55 * knee, 0.1 * knee)[0]
    return np.asarray((rise - start) / (1 - start))


def sigmoid(u: Floats, middle: float, width: float) -> Floats:
    """0 to 1 about `middle`."""
    return np.asarray(0.5 + 0.5 * np.tanh((u - middle) / (2 * width)))


def _base(rng: Rng) -> float:
    return float(rng.uniform(0.22, 0.28))


def _top(rng: Rng) -> float:
    return float(rng.uniform(0.305, 0.36))


def _rise(rng: Rng, u: Floats, first_knee: float, last_knee: float) -> Floats:
    base, top = _base(rng), _top(rng)
    return base + (top - base) * approach(rng, u, rng.uniform(first_knee, last_knee))


def late_knee(rng: Rng, u: Floats) -> Floats:
    """Into the band, flat from the middle of the plan."""
    return _rise(rng, u, 0.45, 0.7)


def early_knee(rng: Rng, u: Floats) -> Floats:
    """Into the band, flat soon."""
    return _rise(rng, u, 0.08, 0.35)


def still_rising(rng: Rng, u: Floats) -> Floats:
    """Rising to the end."""
    return np.asarray(_base(rng) + rng.uniform(0.05, 0.10) * u ** rng.uniform(0.8, 1.2))


def stuck_poor(rng: Rng, u: Floats) -> Floats:
    """Flat where pictures hardly follow their prompts."""
    start, end = rng.uniform(0.17, 0.24), rng.uniform(0.15, 0.205)
    return start + (end - start) * approach(rng, u, rng.uniform(0.05, 0.25))


def stuck_below(rng: Rng, u: Floats) -> Floats:
    """A little progress, then flat below the band."""
    end = rng.uniform(0.235, 0.28)
    start = end - rng.uniform(0.01, 0.05)
    return start + (end - start) * approach(rng, u, rng.uniform(0.05, 0.35))


def flat_in_band(rng: Rng, u: Floats) -> Floats:
    """Where the base model was, in the band: a style that leaves the contents alone."""
    return np.full(len(u), rng.uniform(0.305, 0.345))


def flat_below(rng: Rng, u: Floats) -> Floats:
    """Where the base model was, below the band."""
    return np.full(len(u), rng.uniform(0.23, 0.285))


def peak_collapse(rng: Rng, u: Floats) -> Floats:
    """Good for a while, then lost for good."""
    base, peak = _base(rng), rng.uniform(0.29, 0.345)
    rise = base + (peak - base) * approach(rng, u, rng.uniform(0.1, 0.3))
    loss = rng.uniform(0.055, 0.12)
    return np.asarray(rise - loss * sigmoid(u, rng.uniform(0.4, 0.7), rng.uniform(0.005, 0.03)))


def dip_recover(rng: Rng, u: Floats) -> Floats:
    """In the band but for a dip of three validations or more; shorter ones are bad steps."""
    rise = _rise(rng, u, 0.08, 0.3)
    width = max(3, round(rng.uniform(0.04, 0.12) * len(u)))
    first = int(rng.uniform(0.35, 0.7) * len(u))
    at = np.arange(len(u))
    return rise - rng.uniform(0.03, 0.07) * ((at >= first) & (at < first + width))


def late_bloomer(rng: Rng, u: Floats) -> Floats:
    """Flat below the band for a good part of the plan, then into it."""
    low, start = rng.uniform(0.22, 0.265), rng.uniform(0.25, 0.55)
    rise = np.clip((u - start) / rng.uniform(0.1, 0.3), 0, 1)
    return np.asarray(low + (_top(rng) - low) * rise)


def oscillating(rng: Rng, u: Floats) -> Floats:
    """Swings of 4 to 10 validations about the band's edge."""
    angle = 2 * np.pi * np.arange(len(u)) / rng.uniform(4, 10) + rng.uniform(0, 2 * np.pi)
    return np.asarray(rng.uniform(0.285, 0.33) + rng.uniform(0.012, 0.03) * np.sin(angle))


def bad_steps(rng: Rng, u: Floats) -> Floats:
    """A healthy run; `tests.curves` spoils one or two of its validations."""
    return _rise(rng, u, 0.08, 0.5)


def decline_in_band(rng: Rng, u: Floats) -> Floats:
    """From high in the band to low in it."""
    start, end = rng.uniform(0.345, 0.375), rng.uniform(0.305, 0.32)
    return start + (end - start) * u


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        shape.__name__: shape
        for shape in (
            late_knee,
            early_knee,
            still_rising,
            stuck_poor,
            stuck_below,
            flat_in_band,
            flat_below,
            peak_collapse,
            dip_recover,
            late_bloomer,
            oscillating,
            bad_steps,
            decline_in_band,
        )
    }
)
