"""The second generator's studies: runs of `tests.episodes` with other prompts, noise and holes.

Invariant: built apart from `tests.curves` on purpose. Prompts come in kinds, follow the run by a
skewed share and have noise of their own size; shakes are of several sorts; validations need not be
even, begin at the base model, and number 6 to 100; holes come in blocks. What is true of a run is
read off its noise-free curve over the whole plan. No constant of a rule was set on these runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl

from clipstore.types import content_id
from tests.curves import FLAT_COSINE, MODEL, Library, Study, Truth, frame_of_cells
from tests.episodes import COURSES, LOW_LEARNERS, Course, Floats, Rng

LOW_COSINE = 0.30
SURELY_LOW_COSINE = 0.29
STILL_LEARNS_COSINE = 0.01
LOST_COSINE = 0.05
KEPT_COSINE = 0.03
FIRST_THIRD = 0.35
PATIENCE = 0.6


def make_episode_study(
    seed: int, n_prompts: int, repeats: int = 1, courses: tuple[Course, ...] | None = None
) -> Study:
    """`repeats` runs of every course on one prompt library."""
    rng = np.random.default_rng([seed, n_prompts, 4242])
    library = _library(rng, n_prompts + n_prompts // 4)
    frames, truths = [], []
    for repeat in range(repeats):
        for course in courses or tuple(COURSES.values()):
            name = f"{course.__name__}-{seed}-{n_prompts}-{repeat}"
            frame, truth = _run(rng, name, course, library, n_prompts)
            frames.append(frame)
            truths.append(truth)
    unknown = {t.run for t in truths if rng.random() < 0.15}
    runs = pl.DataFrame(
        {
            "run_id": [content_id(t.run) for t in truths],
            "run": [t.run for t in truths],
            "planned_steps": [None if t.run in unknown else t.planned_steps for t in truths],
        },
        schema={"run_id": pl.Int64, "run": pl.String, "planned_steps": pl.Int64},
    )
    judged = tuple(
        replace(t, eligible=t.eligible and t.run not in unknown and t.abandon == "yes")
        for t in truths
    )
    return Study(pl.concat(frames), runs, judged)


def episode_studies(
    seeds: range, n_prompts: int, repeats: int, courses: tuple[Course, ...] | None = None
) -> Iterator[Study]:
    """One study per seed."""
    for seed in seeds:
        yield make_episode_study(seed, n_prompts, repeats, courses)


def low_learner_studies(seeds: range, n_prompts: int, repeats: int) -> Iterator[Study]:
    """Runs that learn below the band, beside one that reaches it with their prompts."""
    return episode_studies(seeds, n_prompts, repeats, (*LOW_LEARNERS, COURSES["learns"]))


def _library(rng: Rng, size: int) -> Library:
    """Objects, compositions and styles, a few of each out of all proportion."""
    kind = rng.choice(3, size, p=[0.6, 0.25, 0.15])
    centre, spread = np.array([0.0, -0.03, 0.035])[kind], np.array([0.022, 0.02, 0.015])[kind]
    offset = centre + spread * rng.gumbel(-0.45, 0.8, size)
    odd = rng.random(size) < 0.03
    offset[odd] += rng.choice([-0.12, 0.07], int(odd.sum()))
    gain = np.where(rng.random(size) < 0.06, rng.uniform(-0.4, 0.1, size), rng.gamma(5, 0.2, size))
    return Library(offset - offset.mean(), np.clip(gain, -0.5, 2.5))


def _run(
    rng: Rng, name: str, course: Course, library: Library, n_prompts: int
) -> tuple[pl.DataFrame, Truth]:
    steps, planned_steps, gap = _steps(rng)
    u = np.clip(steps / planned_steps, 0, 1)
    curve = course(rng, u)
    chosen = _prompts(rng, n_prompts, len(library.offset))
    moved = curve - curve[0]
    own = rng.normal(0, 0.008, len(chosen)) * (u - u.mean())[:, None]  # each prompt's own way
    clean = curve[0] + library.offset[chosen] + library.gain[chosen] * moved[:, None] + own
    n_seen = len(steps)
    if rng.random() < 0.2:
        n_seen = max(6, int(rng.uniform(0.35, 0.97) * n_seen))
    mean = clean.mean(axis=1)
    cells = _pictures(rng, clean[:n_seen])
    kept = np.ones(n_seen, bool)
    if course.__name__ == "has_glitches":
        _spoil(rng, cells)
    _make_holes(rng, cells, kept)
    if rng.random() < 0.2:
        cells = np.round(cells, 4)  # as some trackers export them
    shown = np.flatnonzero(kept)
    truth = _truth(name, course.__name__, mean, shown, steps, planned_steps, gap)
    frame = frame_of_cells(cells[shown], steps[shown], chosen, name, "checkpoint", MODEL)
    return frame, truth


def _steps(rng: Rng) -> tuple[np.ndarray, int, int]:
    """(steps of the plan's validations, planned steps, usual distance)."""
    n = int(np.exp(rng.uniform(np.log(8), np.log(90))))
    gap = int(rng.choice([20, 100, 200, 300, 1000]))
    planned = n * gap
    steps = gap * np.arange(1, n + 1)
    if rng.random() < 0.3:
        steps = np.append(0, steps)  # the untouched model is validated too
    if rng.random() < 0.15 and n >= 16:  # validated half as often from some step on
        turn = int(rng.uniform(0.3, 0.7) * len(steps))
        steps = np.append(steps[:turn], steps[turn::2])
        gap = gap if turn > (len(steps) - turn) else 2 * gap
    if rng.random() < 0.1:
        planned += int(rng.uniform(0, gap))  # a plan that no multiple of the distance meets
    return steps.astype(np.int64), planned, gap


def _prompts(rng: Rng, n_prompts: int, size: int) -> np.ndarray:
    if rng.random() < 0.75:
        return np.arange(n_prompts)
    return np.sort(rng.permutation(size)[: max(int(rng.uniform(0.75, 1) * n_prompts), 8)])


def _pictures(rng: Rng, clean: Floats) -> Floats:
    """(T, P) to (T, P, K): Laplace noise of each prompt's own size, failures, the shake."""
    n_steps, n_prompts = clean.shape
    n_images = int(rng.choice([1, 2, 3], p=[0.65, 0.2, 0.15]))
    size = rng.uniform(0.008, 0.02) * rng.gamma(6, 1 / 6, n_prompts)[:, None]
    shape = (n_steps, n_prompts, n_images)
    noise = rng.laplace(0, 1, shape) / np.sqrt(2)
    if rng.random() < 0.5:  # one seed for all validations: a picture changes little by little
        noise[1:] *= 0.6
        noise = noise + 0.8 * rng.normal(0, 1, shape[1:])
    failed = rng.random(shape) < rng.uniform(0, 0.01)
    shake = rng.normal(0, 1, n_steps + 2)
    sort = rng.integers(3)
    if sort == 1:
        shake = (shake + np.append(0, shake[:-1])) / np.sqrt(2)
    if sort == 2:
        shake = rng.standard_t(4, n_steps + 2) / np.sqrt(2)
    shake = shake[2:] * np.clip(0.0022 * np.exp(rng.normal(0, 0.5)), 0.0008, 0.006)
    cells = clean[:, :, None] + size * noise + shake[:, None, None] - 0.08 * failed
    if n_images > 1 and rng.random() < 0.4:  # not every prompt gets as many pictures
        cells[:, rng.random(n_prompts) < 0.3, 1:] = np.nan
    return np.asarray(cells)


def _spoil(rng: Rng, cells: Floats) -> None:
    for at in rng.choice(np.arange(2, len(cells)), int(rng.integers(1, 3)), replace=False):
        if rng.random() < 0.5:  # each prompt gets another prompt's pictures, or worse
            cells[at] = rng.permutation(cells[at]) - rng.uniform(0.06, 0.12)
        else:
            cells[at] = np.minimum(cells[at] - rng.uniform(0.03, 0.12), 0.3)


def _make_holes(rng: Rng, cells: Floats, kept: np.ndarray) -> None:
    n_steps, n_prompts, _ = cells.shape
    if rng.random() < 0.2:  # validations lost in a block, as when a disk was full
        width = max(1, int(rng.uniform(0.05, 0.2) * n_steps))
        first = int(rng.integers(1, max(n_steps - width, 2)))
        kept[first : first + width] = kept.sum() - width < 6
    if rng.random() < 0.25:  # a validation cut short: its last prompts are missing
        for at in rng.choice(n_steps, max(1, n_steps // 6), replace=False):
            cells[at, int(rng.uniform(0.3, 0.95) * n_prompts) :] = np.nan
    if rng.random() < 0.1:  # prompts that were added later
        cells[: int(rng.uniform(0.1, 0.6) * n_steps), rng.random(n_prompts) < 0.2] = np.nan
    if rng.random() < 0.1:
        cells[rng.random(cells.shape[:2]) < rng.uniform(0.02, 0.2)] = np.nan
    if rng.random() < 0.05:  # a filter paints pictures black; CLIP gives them one score a prompt
        black = rng.random((n_steps, n_prompts)) < 0.06
        same = np.broadcast_to(rng.normal(0.15, 0.012, n_prompts), black.shape)
        cells[black] = same[black][:, None]
    if n_prompts:
        empty = ~np.isfinite(cells).any(axis=(1, 2))
        kept[empty] = False


def _truth(
    name: str,
    course: str,
    mean: Floats,
    shown: np.ndarray,
    steps: np.ndarray,
    planned_steps: int,
    gap: int,
) -> Truth:
    """`mean`: the noise-free curve over the whole plan; `shown`: which of it was seen."""
    curve = mean[shown]
    away = np.flatnonzero(np.abs(curve - curve[-1]) > FLAT_COSINE)
    onset = int(away[-1]) + 1 if away.size else 0
    after = len(curve) - onset
    return Truth(
        run=name,
        shape=course,
        onset_step=int(steps[shown][onset]),
        n_after_onset=after,
        n_validations=len(curve),
        is_plateau=after >= max(4, int(np.ceil(0.25 * len(curve)))),
        level=float(curve[onset:].mean()),
        abandon=_abandon(mean, steps / planned_steps, int(shown[-1])),
        eligible=len(curve) >= 8 and bool(steps[shown[-1]] >= PATIENCE * planned_steps),
        planned_steps=planned_steps,
        curve=tuple(curve.tolist()),
        onset_index=onset,
        gap_steps=gap,
    )


def _abandon(mean: Floats, u: Floats, last: int) -> Literal["yes", "no", "optional"]:
    """By the whole plan's curve. Yes: it lost much and stays down, or it has been still and low
    since the first third. No: it ends in the band, or still learns in the last two fifths."""
    end, late = float(mean[-1]), u >= PATIENCE
    to_come = float((mean[late].max() if late.any() else end) - mean[late][0]) if late.any() else 0
    best = int(np.argmax(mean))
    lost = float(mean[best]) - end
    if end >= LOW_COSINE or to_come > STILL_LEARNS_COSINE:
        return "no"
    if lost >= LOST_COSINE and float(mean[0]) < mean[best] - KEPT_COSINE:
        down = np.flatnonzero(mean > end + FLAT_COSINE)[-1] + 1
        return "yes" if end < SURELY_LOW_COSINE and last - down >= 4 else "optional"
    moving = np.flatnonzero(np.abs(mean - end) > FLAT_COSINE)
    since = u[min(int(moving[-1]) + 1, len(u) - 1)] if moving.size else 0.0
    nothing_at_all = np.ptp(mean) < FLAT_COSINE  # flat at its base: some want just that
    if end < SURELY_LOW_COSINE and since <= FIRST_THIRD and not nothing_at_all:
        return "yes" if float(mean.max()) < SURELY_LOW_COSINE else "optional"
    return "optional"
