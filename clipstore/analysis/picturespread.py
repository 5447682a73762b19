"""How different a validation's pictures are from each other: diversity, and near-duplicates.

Formula: diversity is the mean of 1 - cosine over all pairs of pictures of different prompts, one of
the averages that the Vendi score generalises (Friedman and Dieng 2023). It is a U-statistic, so its
standard error is 2 sd(h) / sqrt(n), h a prompt's mean distance to the others (Hoeffding 1948).
Mode collapse is a fall that is still there at the last validations and beyond that error, paired by
prompt. Near-duplicates are told by a threshold on the cosine, as in SemDeDup (Abbas et al. 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.picturecells import RunPictures, prompt_vectors
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.series import Floats, Ints

_BLOCK = 1024
"""Rows of a product of pictures with pictures that are in memory at once."""


@dataclass(frozen=True)
class Spread:
    """Diversity of one set of pictures; NaN for fewer than two prompts."""

    diversity: float
    se: float
    by_prompt: Floats
    """(P,) each prompt's mean distance to the others; NaN where it has no picture."""


@dataclass(frozen=True)
class Fall:
    """A loss of diversity that stayed."""

    share: float
    """Lost share of the reference."""
    reference: float
    now: float
    """Mean over the last validations."""
    step: int | None
    """Around where the run was most diverse; None when the base model is the reference."""


@dataclass(frozen=True)
class Duplicates:
    """Pictures of one validation that are nearly the same as another one."""

    n_pictures: int
    """... of another prompt."""
    n_repeats: int
    """... of the same prompt, with another image index."""
    example: tuple[int, int] | None
    """Two prompts whose pictures are the nearest."""


def spread_of(run: RunPictures, cells: Ints) -> Spread:
    """Diversity of the pictures of one validation, cells (C,)."""
    prompts, vectors = prompt_vectors(run, cells)
    n = len(prompts)
    each = np.full(len(run.prompt_ids), np.nan)
    if n < 2:
        return Spread(float("nan"), float("nan"), each)
    own = (vectors**2).sum(axis=1)
    each[prompts] = 1.0 - (vectors @ vectors.sum(axis=0) - own) / (n - 1)
    h = each[prompts]
    return Spread(max(float(h.mean()), 0.0), float(2 * h.std(ddof=1) / np.sqrt(n)), each)


def fall_of(
    steps: Ints, spreads: list[Spread], base: Spread | None, rules: PictureRules
) -> Fall | None:
    """The loss of diversity against the run's best three validations or the base model's pictures,
    if each of the last `fall_validations` shows it by the share asked for and beyond its error."""
    n_last = rules.fall_validations
    found: list[Fall] = []
    values = np.array([spread.diversity for spread in spreads])
    last = spreads[-n_last:]
    if len(spreads) >= n_last + 3:
        threes = np.convolve(values[:-n_last], np.ones(3) / 3, mode="valid")
        if np.isfinite(threes).any():
            at = int(np.nanargmax(threes))
            best = np.mean([spread.by_prompt for spread in spreads[at : at + 3]], axis=0)
            if _all_fell(last, best, float(threes[at]), rules.fall_share, rules):
                found.append(_fall(last, float(threes[at]), int(steps[at + 1])))
    if base is not None and len(last) >= n_last:
        share = rules.fall_from_base_share
        if _all_fell(last, base.by_prompt, base.diversity, share, rules):
            found.append(_fall(last, base.diversity, None))
    return max(found, key=lambda fall: fall.share, default=None)


def duplicates_of(run: RunPictures, cells: Ints, distance: float) -> Duplicates:
    """Pictures within `distance` of another one. Two prompts of one text may well have the same
    picture, which does not count. cells (C,)."""
    there = np.flatnonzero(cells >= 0)
    prompt = run.prompt[there]
    text = run.text_ids[prompt]
    vectors = run.vectors[cells[there]]
    n_found, n_repeats, nearest, example = 0, 0, -np.inf, None
    for start in range(0, len(there), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosine = vectors[block] @ vectors.T  # (block, n)
        same_prompt = prompt[block, None] == prompt[None, :]
        np.fill_diagonal(same_prompt[:, start:], False)
        n_repeats += int(((1.0 - cosine <= distance) & same_prompt).any(axis=1).sum())
        cosine[text[block, None] == text[None, :]] = -np.inf
        best = cosine.max(axis=1, initial=-np.inf)
        n_found += int((1.0 - best <= distance).sum())
        if len(best) and best.max() > nearest:
            nearest = float(best.max())
            one = int(best.argmax())
            example = (int(prompt[start + one]), int(prompt[int(cosine[one].argmax())]))
    return Duplicates(n_found, n_repeats, example if n_found else None)


def _all_fell(
    last: list[Spread], best: Floats, reference: float, share: float, rules: PictureRules
) -> bool:
    return bool(reference > 0) and all(
        _fell(spread, best, reference, share, rules) for spread in last
    )


def _fell(
    spread: Spread, best: Floats, reference: float, share: float, rules: PictureRules
) -> bool:
    lost = best - spread.by_prompt
    lost = lost[np.isfinite(lost)]
    if len(lost) < rules.min_prompts:
        return False
    error = 2 * lost.std(ddof=1) / np.sqrt(len(lost))
    return bool(lost.mean() >= share * reference and lost.mean() > rules.fall_sds * error)


def _fall(last: list[Spread], reference: float, step: int | None) -> Fall:
    now = float(np.mean([spread.diversity for spread in last]))
    return Fall(1.0 - now / reference, reference, now, step)
