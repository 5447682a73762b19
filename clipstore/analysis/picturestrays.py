"""Validations whose pictures belong to other prompts: a mix-up of files, not of the model.

Two witnesses that know nothing of each other must name the same other prompt j for the pictures of
i: among the pictures of a nearby validation they resemble j's most, and they fit text j better than
their own. Choosing j by text alone would always find something: the best of many texts beats one's
own by luck. A validation is heard as a witness only where its own pictures can be recognised in
another one, and only if going by it makes the pictures fit as well as usual: a weak model draws
many prompts alike, and that is no mix-up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.picturecells import RunPictures, prompt_vectors
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.picturetexts import Pairing
from clipstore.analysis.series import Floats, Ints


@dataclass(frozen=True)
class Strays:
    """Prompts of one validation whose pictures look like, and fit, another prompt's."""

    n: int
    examples: tuple[tuple[int, int], ...]
    """(prompt, the prompt its pictures fit), the clearest first."""


@dataclass(frozen=True)
class _Likeness:
    """Pictures of n prompts at one validation beside those at another."""

    prompts: Ints
    """(n,) that both have."""
    cosine: Floats
    """(n, n) prompt i here with prompt j there."""
    looks_like: Ints
    """(n,) the j that i resembles most, what all of them share left aside."""

    @property
    def recognised(self) -> float:
        """Share of the prompts that resemble themselves most."""
        return float((self.looks_like == np.arange(len(self.prompts))).mean())


_MOST_HEARD = 4
"""Validations asked about one: pictures further away have changed for other reasons."""
NOTHING = Strays(0, ())


def strays_by_step(
    run: RunPictures, pairings: list[Pairing | None], rules: PictureRules
) -> list[Strays]:
    """For each validation; none where no other validation can be heard about it."""
    sds = np.array([pairing.sds if pairing is not None else 0.0 for pairing in pairings])
    heard = np.flatnonzero(sds >= max(rules.paired_sds, sds.max(initial=0.0) / 2))
    advantages = [pairing.advantage for t in heard if (pairing := pairings[t]) is not None]
    if len(advantages) < 2:
        return [NOTHING] * len(pairings)
    usual = float(np.median(advantages))
    return [
        _strays(run, t, heard[heard != t], pairing, usual, rules)
        if pairing is not None
        else NOTHING
        for t, pairing in enumerate(pairings)
    ]


def _strays(
    run: RunPictures,
    at: int,
    others: Ints,
    pairing: Pairing,
    usual: float,
    rules: PictureRules,
) -> Strays:
    witness = _witness(run, at, others, rules)
    if witness is None or len(pairing.prompts) < rules.min_prompts:
        return NOTHING
    seen, alike_enough = witness
    known = np.isin(seen.prompts, pairing.prompts)
    n = len(seen.prompts)
    gain = np.full(n, -np.inf)
    also_known = known & known[seen.looks_like]
    own = np.searchsorted(pairing.prompts, seen.prompts[also_known])
    other = np.searchsorted(pairing.prompts, seen.prompts[seen.looks_like[also_known]])
    gain[also_known] = pairing.cosine[own, other] - pairing.cosine[own, own]
    stray = np.flatnonzero(
        (seen.looks_like != np.arange(n))
        & (seen.cosine[np.arange(n), seen.looks_like] >= alike_enough)
        & (gain >= rules.other_prompt_share * usual)
    )
    repaired = pairing.advantage + float(gain[np.isfinite(gain)].mean())
    if repaired < rules.repaired_share * usual:
        return NOTHING
    order = stray[np.argsort(-gain[stray], kind="stable")][:3]
    return Strays(
        len(stray),
        tuple((int(seen.prompts[i]), int(seen.prompts[seen.looks_like[i]])) for i in order),
    )


def _witness(
    run: RunPictures, at: int, others: Ints, rules: PictureRules
) -> tuple[_Likeness, float] | None:
    """The nearest validation that can tell whose the pictures of `at` are: how these resemble its
    own, and from which cosine on two pictures of one prompt are as alike as usual."""
    by_distance = others[np.argsort(np.abs(run.steps[others] - run.steps[at]), kind="stable")]
    for one in by_distance[:_MOST_HEARD]:
        rest = by_distance[by_distance != one]
        if len(rest) == 0:
            continue
        partner = rest[np.abs(run.steps[rest] - run.steps[one]).argmin()]
        usual, seen = _likeness(run, int(one), int(partner)), _likeness(run, at, int(one))
        if (
            min(len(usual.prompts), len(seen.prompts)) >= rules.min_prompts
            and usual.recognised >= rules.recognised_share
        ):
            return seen, float(np.quantile(np.diag(usual.cosine), 0.25))
    return None


def _likeness(run: RunPictures, one: int, other: int) -> _Likeness:
    prompts, vectors = prompt_vectors(run, run.trained[one])
    its_prompts, its_vectors = prompt_vectors(run, run.trained[other])
    common = np.intersect1d(prompts, its_prompts)
    here = vectors[np.searchsorted(prompts, common)]
    there = its_vectors[np.searchsorted(its_prompts, common)]
    if len(common) == 0:
        return _Likeness(common, np.zeros((0, 0)), np.zeros(0, np.int64))
    looks_like = (_about_mean(here) @ _about_mean(there).T).argmax(axis=1)
    return _Likeness(common, here @ there.T, looks_like)


def _about_mean(vectors: Floats) -> Floats:
    """(n, d) directions from the mean picture: what all pictures share says whose none is."""
    away = vectors - vectors.mean(axis=0)
    length = np.linalg.norm(away, axis=1, keepdims=True)
    directions: Floats = away / np.maximum(length, np.finfo(np.float64).tiny)
    return directions
