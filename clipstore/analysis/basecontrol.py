"""The base model's pictures as a negative control: nothing that training does may move them.

Formula: a composite repeats the base model's picture at every validation, so its distance to the
first validation's is 0, or that of saving it again. A negative control that moves (Lipsitch et al.
2010) means that something besides the weights did: seeds, prompts, resolution, preprocessing or the
base model. The SD of the base model's clip/mean over validations is the jitter of scoring itself.
"""

from __future__ import annotations

import numpy as np

from clipstore.analysis.picturecells import RunPictures, by_prompt, distances, mean_and_se
from clipstore.analysis.series import Floats


def control_distances(run: RunPictures) -> Floats:
    """(T,) mean distance of the base pictures to the first of their column; NaN without any."""
    n_steps, n_columns = run.base.shape
    there = run.base >= 0
    first_at = there.argmax(axis=0) if n_steps else np.zeros(n_columns, np.int64)
    result = np.full(n_steps, np.nan)
    if n_steps == 0:
        return result
    first = run.base[first_at, np.arange(n_columns)]
    for t in range(n_steps):
        mean, _ = mean_and_se(by_prompt(run, distances(run, run.base[t], first)))
        result[t] = np.nan if mean is None else mean
    return result


def scoring_jitter(run: RunPictures) -> float | None:
    """SD over validations of the base model's clip/mean, over the pictures that all of them have;
    None with fewer than two validations or without such pictures."""
    has_any = np.isfinite(run.base_cosine).any(axis=1)
    cosine = run.base_cosine[has_any]
    whole = np.isfinite(cosine).all(axis=0)
    if len(cosine) < 2 or not whole.any():
        return None
    means = []
    for row in cosine:
        mean, _ = mean_and_se(by_prompt(run, np.where(whole, row, np.nan)))
        means.append(mean)
    return float(np.std(np.array(means, dtype=np.float64), ddof=1))
