"""Synthetic runs with known truth: thirteen shapes, the noise of real scores, and their holes.

Invariant: the truth is computed from the noise-free curve of the prompts a run really has, over the
validations it really shows, so that a detector is asked only what the data can answer. One seed
gives the same runs everywhere; nothing here knows how the detector works.

Noise, and where its size comes from: spread between prompts .025-.045 with a few pinned very low or
high (published ViT scores); pictures .008-.014 with fixed seeds, .014-.025 with free ones, heavy
tails; a shake common to all prompts of a checkpoint, .001-.006, which is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clipstore.modelidentity import Band
from clipstore.types import content_id
from tests.shapes import SHAPES, Floats, Rng

MODEL = "openai/clip-vit-large-patch14-336"
MODEL_ID = content_id(MODEL)
BAND = Band(0.22, 0.30, 0.39)
FLAT_COSINE = 0.005


@dataclass(frozen=True)
class Truth:
    """What a perfect observer knows of a run."""

    run: str
    shape: str
    onset_step: int | None
    """First validation from which the curve stays within `FLAT_COSINE` of its end."""
    n_after_onset: int
    n_validations: int
    is_plateau: bool
    """The flat end has at least max(4, a quarter of) the validations."""
    level: float
    """Noise-free mean of these prompts over the flat end, or at the last validation."""
    abandon: Literal["yes", "no", "optional"]
    eligible: bool
    """A yes that can be judged: plan known, 8 validations, 60 % of the plan seen."""
    planned_steps: int
    curve: tuple[float, ...]
    """(T,) the noise-free mean at each validation shown."""
    onset_index: int
    gap_steps: int
    """Steps between two validations of the plan."""


@dataclass(frozen=True)
class Study:
    """Runs that belong together, in the form the analysis takes."""

    scores: pl.DataFrame
    runs: pl.DataFrame
    truths: tuple[Truth, ...]


@dataclass(frozen=True)
class Library:
    """The validation prompts of one study."""

    offset: Floats
    """(P,) how far each prompt's score lies from the mean of all prompts of its kind."""
    gain: Floats
    """(P,) how strongly each prompt follows the run's change."""


def make_study(seed: int, n_prompts: int, repeats: int = 1, holes: bool = True) -> Study:
    """`repeats` runs of every shape on one prompt library."""
    rng = np.random.default_rng([seed, n_prompts])
    library = library_of_prompts(rng, 2 * n_prompts)
    frames, truths = [], []
    for repeat in range(repeats):
        for shape in SHAPES:
            name = f"{shape}-{seed}-{n_prompts}-{repeat}"
            frame, truth = _run(rng, name, shape, library, n_prompts, holes)
            frames.append(frame)
            truths.append(truth)
    scores = pl.concat(frames)
    known = {t.run: t.planned_steps for t in truths}
    unknown = {t.run for t in truths if holes and rng.random() < 0.15}
    runs = pl.DataFrame(
        {
            "run_id": [content_id(t.run) for t in truths],
            "run": [t.run for t in truths],
            "planned_steps": [None if t.run in unknown else known[t.run] for t in truths],
        },
        schema={"run_id": pl.Int64, "run": pl.String, "planned_steps": pl.Int64},
    )
    judged = tuple(_with_budget(t, t.run not in unknown) for t in truths)
    return Study(scores, runs, judged)


def frame_of_matrix(
    cosine: Floats,
    run: str = "run",
    gap_steps: int = 100,
    panel: str = "checkpoint",
    model: str = MODEL,
) -> pl.DataFrame:
    """Scores (T, P) or (T, P, K) as rows; NaN cells are left out. Steps start at `gap_steps`."""
    cells = cosine if cosine.ndim == 3 else cosine[:, :, None]
    steps = gap_steps * np.arange(1, len(cells) + 1)
    return frame_of_cells(cells, steps, np.arange(cells.shape[1]), run, panel, model)


def runs_frame(planned_steps: int | None, run: str = "run") -> pl.DataFrame:
    """The runs frame of one run."""
    return pl.DataFrame(
        {"run_id": [content_id(run)], "run": [run], "planned_steps": [planned_steps]},
        schema={"run_id": pl.Int64, "run": pl.String, "planned_steps": pl.Int64},
    )


def noisy(
    curve: NDArray[np.floating[Any]], n_prompts: int, seed: int = 0, noise: float = 0.015
) -> Floats:
    """(T, P) scores whose mean follows `curve` (T,): prompts differ, pictures are noisy, every
    checkpoint shakes a little."""
    rng = np.random.default_rng(seed)
    offset = rng.normal(0, 0.035, n_prompts)
    shake = rng.normal(0, 0.002, len(curve))
    cells = rng.normal(0, noise, (len(curve), n_prompts))
    return np.asarray((curve + shake)[:, None] + (offset - offset.mean()) + cells)


def library_of_prompts(rng: Rng, size: int) -> Library:
    """Prompts as a study draws them: a few very hard, a few very easy."""
    offset = rng.normal(0, rng.uniform(0.025, 0.045), size)
    pinned = rng.random(size)
    offset = np.where(pinned < 0.03, rng.normal(-0.15, 0.01, size), offset)
    offset = np.where(pinned > 0.98, rng.normal(0.08, 0.01, size), offset)
    return Library(offset, np.clip(rng.normal(1, 0.4, size), 0, 2.2))


def _run(
    rng: Rng, name: str, shape: str, library: Library, n_prompts: int, holes: bool
) -> tuple[pl.DataFrame, Truth]:
    n_planned = int(rng.integers(10 if shape == "peak_collapse" else 6, 61))
    gap = int(rng.choice([50, 100, 250, 500]))
    u = np.arange(1, n_planned + 1) / n_planned
    curve = SHAPES[shape](rng, u)
    chosen = _choose_prompts(rng, n_prompts, holes)
    seen = np.arange(n_planned)
    if holes and rng.random() < 0.2:
        seen = seen[: max(6, int(rng.uniform(0.4, 0.95) * n_planned))]
    if holes and rng.random() < 0.25:
        keep = rng.random(len(seen)) > rng.uniform(0.1, 0.3)
        keep[[0, -1]] = True
        seen = seen[keep] if keep.sum() >= 6 else seen
    gain, offset = library.gain[chosen], library.offset[chosen]
    mean_curve = (curve[0] + gain.mean() * (curve - curve[0]) + offset.mean())[seen]
    clean = (curve[0] + gain * (curve - curve[0])[:, None] + offset)[seen]  # (T, P)
    cells = with_noise(rng, clean)
    if shape == "bad_steps":
        _spoil_steps(rng, cells)
    if holes:
        _make_holes(rng, cells)
    steps = gap * (seen + 1)
    truth = _truth(name, shape, mean_curve, steps, n_planned, gap)
    frame = frame_of_cells(cells, steps, chosen, name, "checkpoint", MODEL)
    if rng.random() < 0.5:
        base = clean[:1] + rng.normal(0, 0.01, (1, clean.shape[1]))
        frame = pl.concat(
            [
                frame,
                frame_of_cells(
                    base[:, :, None], np.zeros(1, np.int64), chosen, name, "base", MODEL
                ),
            ]
        )
    return frame, truth


def _choose_prompts(rng: Rng, n_prompts: int, holes: bool) -> NDArray[np.int64]:
    if not holes or rng.random() < 0.7:
        return np.arange(n_prompts)
    if rng.random() < 0.5:  # half of them are other prompts
        other = rng.permutation(np.arange(n_prompts, 2 * n_prompts))[: n_prompts // 2]
        return np.sort(np.concatenate([np.arange(n_prompts - n_prompts // 2), other]))
    n_subset = max(int(0.8 * n_prompts), 8)
    return np.sort(rng.permutation(n_prompts)[:n_subset])


def with_noise(rng: Rng, clean: Floats) -> Floats:
    """(T, P) to (T, P, K): pictures' noise, slow drift of prompts, the checkpoint's shake."""
    n_steps, n_prompts = clean.shape
    n_images = int(rng.choice([1, 2, 4], p=[0.6, 0.2, 0.2]))
    fixed = rng.random() < 0.5
    sd = rng.uniform(0.008, 0.014) if fixed else rng.uniform(0.014, 0.025)
    df = rng.uniform(3, 8)
    shocks = rng.standard_t(df, (n_steps, n_prompts, n_images)) * sd * np.sqrt((df - 2) / df)
    noise = _autoregressive(shocks, 0.6) if fixed else shocks
    drift = np.cumsum(rng.normal(0, 0.006 / np.sqrt(n_steps), (n_steps, n_prompts)), axis=0)
    shake = _autoregressive(rng.normal(0, 1, n_steps), rng.uniform(0.2, 0.7))
    shake = shake * rng.uniform(0.001, 0.006)
    return np.asarray((clean + drift + shake[:, None])[:, :, None] + noise)


def _autoregressive(shocks: Floats, rho: float) -> Floats:
    """Unit-variance-preserving AR(1) along the first axis."""
    out = shocks.copy()
    for t in range(1, len(out)):
        out[t] = rho * out[t - 1] + np.sqrt(1 - rho**2) * shocks[t]
    return out


def _spoil_steps(rng: Rng, cells: Floats) -> None:
    """One or two bad validations: pictures of other prompts, or all scores down; maybe the last."""
    n_steps = len(cells)
    n_bad = int(rng.integers(1, 3))
    places = rng.choice(np.arange(2, n_steps), n_bad, replace=False)
    for at in places:
        if rng.random() < 0.5:
            cells[at] = 0.18 + rng.normal(0, 0.03, cells[at].shape)
        else:
            cells[at] -= rng.uniform(0.04, 0.10)


def _make_holes(rng: Rng, cells: Floats) -> None:
    n_steps, n_prompts, _ = cells.shape
    if rng.random() < 0.3:
        cells[rng.random((n_steps, n_prompts)) < rng.uniform(0.05, 0.3)] = np.nan
    if rng.random() < 0.1:
        gone = rng.random(n_prompts) < 0.15
        cells[int(rng.uniform(0.3, 0.9) * n_steps) :, gone] = np.nan
    if rng.random() < 0.05:
        black = rng.random((n_steps, n_prompts)) < 0.05
        cells[black] = np.broadcast_to(rng.normal(0.158, 0.01, n_prompts), black.shape)[black][
            :, None
        ]
    empty = np.isnan(cells).all(axis=(1, 2))
    cells[empty, 0] = 0.25


def _truth(
    name: str, shape: str, curve: Floats, steps: NDArray[np.int64], n_planned: int, gap: int
) -> Truth:
    away = np.flatnonzero(np.abs(curve - curve[-1]) > FLAT_COSINE)
    onset = int(away[-1]) + 1 if away.size else 0
    after = len(curve) - onset
    return Truth(
        run=name,
        shape=shape,
        onset_step=int(steps[onset]),
        n_after_onset=after,
        n_validations=len(curve),
        is_plateau=after >= max(4, int(np.ceil(0.25 * len(curve)))),
        level=float(curve[onset:].mean()),
        abandon=_abandon_truth(shape, curve, after),
        eligible=len(curve) >= 8 and steps[-1] >= 0.6 * n_planned * gap,
        planned_steps=n_planned * gap,
        curve=tuple(curve.tolist()),
        onset_index=onset,
        gap_steps=gap,
    )


def _abandon_truth(shape: str, curve: Floats, after: int) -> Literal["yes", "no", "optional"]:
    end = float(curve[-1])
    if shape == "flat_below" or (shape.startswith("stuck") and np.ptp(curve) < FLAT_COSINE):
        return "optional" if end < 0.30 else "no"
    if shape.startswith("stuck"):
        return "yes" if end < 0.29 else "optional" if end < 0.30 else "no"
    if shape == "peak_collapse":
        lost = float(curve.max()) - end
        if lost < 0.03:
            return "no"
        return "yes" if lost > 0.05 and end < 0.29 and after >= 4 else "optional"
    if shape in ("still_rising", "late_bloomer"):
        return "no"
    # these prompts may be hard ones and the whole run lie below the band for them
    out_of_band = end < 0.30 if shape == "decline_in_band" else float(curve.max()) < 0.30
    return "optional" if out_of_band else "no"


def _with_budget(truth: Truth, known: bool) -> Truth:
    eligible = truth.eligible and known and truth.abandon == "yes"
    return Truth(**{**truth.__dict__, "eligible": eligible})


def frame_of_cells(
    cells: Floats,
    steps: NDArray[np.int64],
    prompts: NDArray[np.int64],
    run: str,
    panel: str,
    model: str,
) -> pl.DataFrame:
    """(T, P, K) to one row a score."""
    at_step, at_prompt, image = np.nonzero(np.isfinite(cells))
    number = prompts[at_prompt]
    return pl.DataFrame(
        {
            "step": steps[at_step],
            "text_id": number,
            "image_index": image,
            "cosine": cells[at_step, at_prompt, image].astype(np.float32),
        },
        schema={
            "step": pl.Int64,
            "text_id": pl.Int64,
            "image_index": pl.Int64,
            "cosine": pl.Float32,
        },
    ).select(
        pl.lit(content_id(model)).alias("model_id"),
        pl.lit(model).alias("model"),
        pl.lit(content_id(run)).alias("run_id"),
        pl.lit(run).alias("run"),
        "step",
        (pl.lit("prompt_") + pl.col("text_id").cast(pl.String).str.zfill(4)).alias("prompt_id"),
        "text_id",
        pl.lit(panel).alias("panel"),
        "image_index",
        "cosine",
    )


def studies(seeds: range, n_prompts: int, repeats: int) -> Iterator[Study]:
    """One study per seed."""
    for seed in seeds:
        yield make_study(seed, n_prompts, repeats)
