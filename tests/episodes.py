"""Courses of runs put together from episodes, without noise: the second generator's shapes.

Invariant: a course is a list of episodes, each a share of the plan in which the curve moves to a
new height in some form, and what is true of it is read off the curve, never off its name. Nothing
is shared with `tests.shapes`, whose forms and sizes the rules were developed on: where a rule only
fits those, it shows here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True)
class Episode:
    """A part of the plan."""

    share: float
    """Of the plan; those of a course are scaled to add up to 1."""
    height: float
    """Where it ends."""
    form: str = "line"
    """A name of `FORMS`: how it gets there."""


def _power(x: Floats, bend: float) -> Floats:
    """Fast, then ever slower: the power law of learning curves."""
    start, end = 1.0, (1 + bend) ** -0.7
    return np.asarray((start - (1 + bend * x) ** -0.7) / (start - end))


def _logarithm(x: Floats, bend: float) -> Floats:
    return np.asarray(np.log1p(bend * x) / np.log1p(bend))


def _gompertz(x: Floats, bend: float) -> Floats:
    """Slow, fast, slow, and not symmetric."""
    rise = np.exp(-bend * np.exp(-7 * x))
    start, end = np.exp(-bend), np.exp(-bend * np.exp(-7.0))
    return np.asarray((rise - start) / (end - start))


def _smoothstep(x: Floats, bend: float) -> Floats:
    return np.asarray(x * x * (3 - 2 * x) + 0 * bend)


def _ringing(x: Floats, bend: float) -> Floats:
    """Over the mark and back, twice."""
    return np.asarray(1 - np.exp(-6 * x) * np.cos(bend * x))


FORMS: Mapping[str, Callable[[Floats, float], Floats]] = MappingProxyType(
    {
        "line": lambda x, _: x,
        "power": _power,
        "logarithm": _logarithm,
        "gompertz": _gompertz,
        "smoothstep": _smoothstep,
        "ringing": _ringing,
    }
)
"""(shares 0 to 1 of the episode, how bent) to 0 to 1, about."""
CLIMBS = ("power", "logarithm", "gompertz", "smoothstep", "ringing", "line")


def curve_of_episodes(rng: Rng, start: float, episodes: Sequence[Episode], u: Floats) -> Floats:
    """The curve at the shares `u` (T,) of the plan."""
    ends = np.cumsum([each.share for each in episodes])
    ends = ends / ends[-1]
    curve = np.empty(len(u))
    height, begin = start, 0.0
    for each, end in zip(episodes, ends, strict=True):
        inside = (u > begin - 1e-12) & (u <= end + 1e-12)
        x = np.clip((u[inside] - begin) / max(end - begin, 1e-9), 0, 1)
        form = FORMS[each.form](x, rng.uniform(4, 14))
        curve[inside] = height + (each.height - height) * form
        height, begin = each.height, end
    return curve


def _climb(rng: Rng) -> str:
    return str(rng.choice(CLIMBS))


def _low(rng: Rng) -> float:
    return float(rng.triangular(0.215, 0.255, 0.285))


def _high(rng: Rng) -> float:
    return float(rng.triangular(0.306, 0.325, 0.365))


Course = Callable[[Rng, Floats], Floats]


def learns(rng: Rng, u: Floats) -> Floats:
    """Into the band somewhere in the first two thirds, then a stay."""
    climb = rng.beta(1.5, 2.5) * 0.65 + 0.03
    high = _high(rng)
    episodes = [Episode(climb, high, _climb(rng)), Episode(1 - climb, high)]
    return curve_of_episodes(rng, _low(rng), episodes, u)


def learns_for_ever(rng: Rng, u: Floats) -> Floats:
    """Never flat: straight, or by the logarithm of the steps."""
    form = str(rng.choice(["line", "logarithm", "smoothstep"]))
    return curve_of_episodes(rng, _low(rng), [Episode(1, _high(rng) + 0.02, form)], u)


def learns_late(rng: Rng, u: Floats) -> Floats:
    """A long nothing first, up to .55 of the plan."""
    low, wait, climb, high = _low(rng), rng.uniform(0.2, 0.55), rng.uniform(0.08, 0.35), _high(rng)
    rest = max(1 - wait - climb, 0.02)
    return curve_of_episodes(
        rng, low, [Episode(wait, low), Episode(climb, high, _climb(rng)), Episode(rest, high)], u
    )


def learns_twice(rng: Rng, u: Floats) -> Floats:
    """Two climbs with a rest between them; the second one leads into the band."""
    low, high = _low(rng), _high(rng)
    between = low + rng.uniform(0.25, 0.7) * (min(high, 0.295) - low)
    shares = rng.uniform([0.08, 0.08, 0.08, 0.2], [0.25, 0.3, 0.25, 0.5])
    heights = (between, between, high, high)
    forms = (_climb(rng), "line", _climb(rng), "line")
    return curve_of_episodes(
        rng, low, [Episode(*each) for each in zip(shares, heights, forms, strict=True)], u
    )


def learns_too_much(rng: Rng, u: Floats) -> Floats:
    """Into the band, over the best point, and slowly down to a lower stay in the band."""
    high, end = rng.uniform(0.33, 0.36), rng.uniform(0.306, 0.322)
    shares = rng.uniform([0.1, 0.05, 0.1, 0.1], [0.3, 0.3, 0.5, 0.4])
    heights, forms = (high, high, end, end), (_climb(rng), "line", "smoothstep", "line")
    return curve_of_episodes(
        rng, _low(rng), [Episode(*each) for each in zip(shares, heights, forms, strict=True)], u
    )


def crashes(rng: Rng, u: Floats) -> Floats:
    """Good, then down for good within a few hundredths of the plan, or slowly."""
    high = float(rng.uniform(0.285, 0.345))
    down = min(high - rng.uniform(0.055, 0.13), 0.275)
    fall = rng.uniform(0.005, 0.04) if rng.random() < 0.7 else rng.uniform(0.05, 0.2)
    climb, stay = rng.uniform(0.05, 0.25), rng.uniform(0.15, 0.4)
    episodes = [
        Episode(climb, high, _climb(rng)),
        Episode(stay, high),
        Episode(fall, down, "smoothstep"),
        Episode(max(1 - climb - stay - fall, 0.1), down),
    ]
    return curve_of_episodes(rng, _low(rng), episodes, u)


def stumbles(rng: Rng, u: Floats) -> Floats:
    """Good but for a fall that it climbs out of, the whole within an eighth of the plan, and seen
    at three validations or more: fewer cannot be told from bad ones."""
    high = _high(rng)
    down = high - rng.uniform(0.03, 0.08)
    start, width = rng.uniform(0.3, 0.7), max(rng.uniform(0.03, 0.12), 4.5 / len(u))
    climb = rng.uniform(0.06, 0.25)
    episodes = [
        Episode(climb, high, _climb(rng)),
        Episode(start - climb, high),
        Episode(0.2 * width, down),
        Episode(0.4 * width, down),
        Episode(0.4 * width, high, "smoothstep"),
        Episode(1 - start - width, high),
    ]
    return curve_of_episodes(rng, _low(rng), episodes, u)


def learns_nothing(rng: Rng, u: Floats) -> Floats:
    """A little progress, or a loss, within the first third, and then nothing."""
    start = float(rng.uniform(0.19, 0.27))
    end = min(max(start + rng.uniform(-0.06, 0.045), 0.14), 0.284)
    climb = rng.uniform(0.02, 0.33)
    return curve_of_episodes(
        rng, start, [Episode(climb, end, _climb(rng)), Episode(1 - climb, end)], u
    )


def unlearns(rng: Rng, u: Floats) -> Floats:
    """Down to what pictures of other prompts get."""
    start, end = float(rng.uniform(0.19, 0.25)), float(rng.uniform(0.13, 0.20))
    fall = rng.uniform(0.02, 0.3)
    return curve_of_episodes(rng, start, [Episode(fall, end, "power"), Episode(1 - fall, end)], u)


def stays_as_base(rng: Rng, u: Floats) -> Floats:
    """Where the base model was, in the band or below it."""
    level = float(rng.choice([rng.uniform(0.308, 0.35), rng.uniform(0.225, 0.285)]))
    return np.full(len(u), level)


def wanders(rng: Rng, u: Floats) -> Floats:
    """In the band, never quite still: by too little to matter, or by more than a little."""
    knots = np.linspace(0, 1, int(rng.integers(5, 12)))
    size = rng.uniform(0.0005, 0.002) if rng.random() < 0.5 else rng.uniform(0.008, 0.014)
    heights = rng.normal(0, size, len(knots))
    return np.asarray(rng.uniform(0.315, 0.345) + np.interp(u, knots, heights))


def restarts(rng: Rng, u: Floats) -> Floats:
    """A learning rate with warm restarts: a slow climb, a sudden fall, again and again."""
    cycle = (u * rng.uniform(3, 7) + rng.uniform(0, 1)) % 1
    return np.asarray(rng.uniform(0.295, 0.335) + rng.uniform(0.012, 0.028) * (2 * cycle - 1))


def has_glitches(rng: Rng, u: Floats) -> Floats:
    """Healthy; `tests.episode_runs` spoils one or two validations."""
    return learns(rng, u)


COURSES: Mapping[str, Course] = MappingProxyType(
    {
        course.__name__: course
        for course in (
            learns,
            learns_for_ever,
            learns_late,
            learns_twice,
            learns_too_much,
            crashes,
            stumbles,
            learns_nothing,
            unlearns,
            stays_as_base,
            wanders,
            restarts,
            has_glitches,
        )
    }
)


def climbs_low(rng: Rng, u: Floats) -> Floats:
    """Learns to the end, all of it below the band."""
    low = rng.uniform(0.19, 0.24)
    gain = min(rng.uniform(0.025, 0.06), 0.288 - low)
    return curve_of_episodes(rng, low, [Episode(1, low + gain, _climb(rng))], u)


def rests_low(rng: Rng, u: Floats) -> Floats:
    """Learns below the band with one rest of a tenth to a third of the plan."""
    low = float(rng.uniform(0.19, 0.23))
    first, second = rng.uniform(0.012, 0.03), rng.uniform(0.015, 0.03)
    before, rest = rng.uniform(0.15, 0.45), rng.uniform(0.1, 0.33)
    between = low + first
    episodes = [
        Episode(before, between, _climb(rng)),
        Episode(rest, between),
        Episode(max(1 - before - rest, 0.2), between + second, _climb(rng)),
    ]
    return curve_of_episodes(rng, low, episodes, u)


def steps_low(rng: Rng, u: Floats) -> Floats:
    """Learns below the band in jumps, as with a rate that is cut now and then."""
    low = float(rng.uniform(0.19, 0.24))
    n_jumps = int(rng.integers(2, 6))
    places = np.sort(rng.uniform(0.05, 0.9, n_jumps))
    sizes = rng.dirichlet(np.full(n_jumps, 3.0)) * min(rng.uniform(0.03, 0.06), 0.288 - low)
    return np.asarray(low + (sizes * (u[:, None] >= places)).sum(axis=1))


LOW_LEARNERS: tuple[Course, ...] = (climbs_low, rests_low, steps_low)
"""Runs that learn below the band: a flag is harmful while there is something to come."""
