"""Which steps of a prompt become the frames of its filmstrip.

Invariant: chosen by rule, never by eye: even spacing over the validations, with the first, the
last and the highest-scoring always among them.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_FRAMES = 8
"""One line of a wide screen; the base model's picture comes before them."""


def cosines_to_places(cosines: Sequence[float], n_frames: int = MAX_FRAMES) -> tuple[int, ...]:
    """The places of at most `n_frames` (2 or more) of these steps, ascending.

    The highest cosine, the first of equals, takes the place of its nearest inner neighbour where
    even spacing misses it.
    """
    n_steps = len(cosines)
    if n_steps <= n_frames:
        return tuple(range(n_steps))
    last = n_steps - 1
    places = [(2 * i * last + n_frames - 1) // (2 * (n_frames - 1)) for i in range(n_frames)]
    highest = max(range(n_steps), key=lambda i: (cosines[i], -i))
    if highest not in places and n_frames > 2:
        nearest = min(range(1, n_frames - 1), key=lambda k: abs(places[k] - highest))
        places[nearest] = highest
    return tuple(sorted(set(places)))
