"""Finished runs with known levels, for comparing: flat curves, the noise of real scores, no holes.

Invariant: what is true of a run is its `level`; everything else that its scores show is the luck of
prompts, pictures and checkpoints. Sizes as in `tests.curves`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from clipstore.types import content_id

MODEL = "openai/clip-vit-large-patch14-336"
MODEL_ID = content_id(MODEL)


@dataclass(frozen=True)
class Noise:
    """Standard deviations, raw cosine."""

    prompt_sd: float = 0.035
    """How prompts differ in level, the same in all runs."""
    change_sd: float = 0.008
    """How a prompt's own level differs between runs."""
    picture_sd: float = 0.018
    shake_sd: float = 0.003
    """By which one checkpoint moves all its prompts; neighbours share half of it."""


def flat_runs(
    seed: int,
    levels: Sequence[float],
    *,
    n_prompts: int,
    n_validations: int = 20,
    noise: Noise | None = None,
) -> pl.DataFrame:
    """Scores of runs r00, r01, … with these true levels over any prompts of their kind."""
    noise = noise or Noise()
    rng = np.random.default_rng([seed, n_prompts, n_validations, len(levels)])
    prompt = rng.normal(0, noise.prompt_sd, n_prompts)
    frames = []
    for number, level in enumerate(levels):
        own = rng.normal(0, noise.change_sd, n_prompts)
        shake = rng.normal(0, 1, n_validations)
        for t in range(1, n_validations):
            shake[t] = 0.5 * shake[t - 1] + np.sqrt(0.75) * shake[t]
        pictures = rng.normal(0, noise.picture_sd, (n_validations, n_prompts))
        cosine = level + prompt + own + noise.shake_sd * shake[:, None] + pictures
        frames.append(frame_of_run(f"r{number:02}", cosine))
    return pl.concat(frames)


def frame_of_run(
    run: str,
    cosine: np.ndarray,
    *,
    panel: str = "checkpoint",
    model: str = MODEL,
    first_prompt: int = 0,
    steps: Sequence[int] | None = None,
) -> pl.DataFrame:
    """(T, n) cosines as the analysis reads them; steps 100, 200, … unless given."""
    n_steps, n_prompts = cosine.shape
    step = np.repeat(steps or 100 * np.arange(1, n_steps + 1), n_prompts)
    prompt = np.tile(np.arange(first_prompt, first_prompt + n_prompts), n_steps)
    return pl.DataFrame({"step": step, "text_id": prompt, "cosine": cosine.ravel()}).select(
        pl.lit(content_id(model)).alias("model_id"),
        pl.lit(model).alias("model"),
        pl.lit(content_id(run)).alias("run_id"),
        pl.lit(run).alias("run"),
        "step",
        (pl.lit("prompt_") + pl.col("text_id").cast(pl.String).str.zfill(4)).alias("prompt_id"),
        "text_id",
        pl.lit(panel).alias("panel"),
        pl.lit(0).alias("image_index"),
        "cosine",
    )
