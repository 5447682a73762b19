"""Runs that learn below the band: the stress that showed the abandon rule to be too harsh.

Not among the thirteen shapes the rule was first built on: straight and saturating risers, stairs,
risers with a dip, and risers with a pause of a sixth to two fifths of the plan, all under .30 for
most of it. A flag is harmful when the true curve gains more than .01 after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl

from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.types import content_id
from tests.curves import BAND, MODEL, MODEL_ID, frame_of_cells, library_of_prompts, with_noise
from tests.shapes import Floats, Rng

HARM_COSINE = 0.01


def straight(rng: Rng, u: Floats) -> Floats:
    """Slow and steady."""
    return np.asarray(rng.uniform(0.20, 0.25) + rng.uniform(0.02, 0.05) * u)


def saturating(rng: Rng, u: Floats) -> Floats:
    """Fast first, still not flat at the end."""
    tau = rng.uniform(0.35, 1.0)
    gain = (1 - np.exp(-u / tau)) / (1 - np.exp(-1 / tau))
    return np.asarray(rng.uniform(0.20, 0.24) + rng.uniform(0.025, 0.055) * gain)


def stairs(rng: Rng, u: Floats) -> Floats:
    """Three to five steps up."""
    n_steps = int(rng.integers(3, 6))
    climbed = np.minimum(np.floor(u * n_steps + rng.uniform(0, 1)) / n_steps, 1)
    return np.asarray(rng.uniform(0.20, 0.24) + rng.uniform(0.03, 0.055) * climbed)


def with_a_dip(rng: Rng, u: Floats) -> Floats:
    """A riser that dips at .45 to .75 of the plan and comes back."""
    rise = rng.uniform(0.20, 0.23) + rng.uniform(0.03, 0.06) * u
    at = np.arange(len(u))
    width = max(2, round(rng.uniform(0.06, 0.15) * len(u)))
    first = int(rng.uniform(0.45, 0.75) * len(u))
    return np.asarray(rise - rng.uniform(0.02, 0.06) * ((at >= first) & (at < first + width)))


def with_a_pause(rng: Rng, u: Floats) -> Floats:
    """A riser that stands still in the middle."""
    stop, go_on = rng.uniform(0.30, 0.45), rng.uniform(0.60, 0.72)
    moved = np.where(u < stop, u, np.where(u < go_on, stop, u - (go_on - stop)))
    return np.asarray(rng.uniform(0.20, 0.23) + rng.uniform(0.04, 0.08) * moved)


LEARNERS: tuple[Callable[[Rng, Floats], Floats], ...] = (
    straight,
    saturating,
    stairs,
    with_a_dip,
    with_a_pause,
)


def measure_learners(seeds: range, n_prompts: int, repeats: int) -> str:
    """One line: how many are ever flagged, flagged at the end, flagged to harm, and by shape."""
    ever = end = total = 0
    harmed: Counter[str] = Counter()
    for seed in seeds:
        rng = np.random.default_rng([seed, n_prompts, 77])
        library = library_of_prompts(rng, n_prompts)
        frames, truths = [], {}
        for repeat in range(repeats):
            for shape in LEARNERS:
                n_steps = int(rng.integers(10, 41))
                curve = shape(rng, np.arange(1, n_steps + 1) / n_steps)
                clean = curve[0] + library.gain * (curve - curve[0])[:, None] + library.offset
                run = f"{shape.__name__}-{seed}-{repeat}"
                steps = 100 * np.arange(1, n_steps + 1)
                cells = with_noise(rng, clean)
                prompts = np.arange(n_prompts)
                frames.append(frame_of_cells(cells, steps, prompts, run, "checkpoint", MODEL))
                truths[run] = shape.__name__, clean.mean(axis=1)
        runs = pl.DataFrame(
            {
                "run_id": [content_id(run) for run in truths],
                "run": list(truths),
                "planned_steps": [100 * len(curve) for _, curve in truths.values()],
            }
        )
        for verdict in verdicts_from_scores(pl.concat(frames), runs, {MODEL_ID: BAND}):
            shape_name, curve = truths[verdict.run]
            first = verdict.abandon.first_flag_step
            total += 1
            end += verdict.abandon.flag
            if first is not None:
                ever += 1
                at = first // 100 - 1
                harmed[shape_name] += bool(curve[at:].max() - curve[at] > HARM_COSINE)
    shapes = {name: count for name, count in harmed.items() if count}
    return (
        f"  learners below      {total} runs: ever flagged {ever}, at the end {end}, "
        f"to harm {harmed.total()} {shapes}"
    )
