"""Whether pictures follow their own prompts better than the other prompts of their validation.

Formula: s[i, j] is the cosine of prompt i's pictures with text j. Own is the mean of s[i, i],
chance the mean of s[i, j], i != j. Were the prompts dealt out at random, the mean would have the
mean of all s and the variance sum d[i, j]^2 / (n^2 (n - 1)), d being s less its row and column
means (Hoeffding 1951): an exact yardstick that needs no band, no other run and no sampling.
`n_own_best` is the R-precision of text-to-image work (Xu et al. 2018; with CLIP, Park et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.picturecells import RunPictures, prompt_vectors
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.series import Floats, Ints


@dataclass(frozen=True)
class Pairing:
    """One validation's pictures against its prompts; n prompts that have both."""

    prompts: Ints
    """(n,)"""
    cosine: Floats
    """(n, n) pictures of prompt i with text j."""
    own: float
    chance: float
    dealt: float
    """Mean over all n x n pairs: what prompts dealt out at random score on average."""
    dealt_sd: float
    """... and the SD of their mean."""
    n_own_best: int

    @property
    def sds(self) -> float:
        """By how many SDs the own prompts beat prompts dealt out at random."""
        return (self.own - self.dealt) / self.dealt_sd if self.dealt_sd > 0 else 0.0

    @property
    def advantage(self) -> float:
        """What fitting one's own prompt brings."""
        return self.own - self.chance


def pairing_of(run: RunPictures, cells: Ints) -> Pairing | None:
    """One validation, cells (C,); None with fewer than two different texts."""
    prompts, vectors = prompt_vectors(run, cells)
    known = run.text[prompts] >= 0
    prompts, vectors = prompts[known], vectors[known]
    n = len(prompts)
    if n < 2 or len(np.unique(run.text[prompts])) < 2:
        return None
    cosine = vectors @ run.text_vectors[run.text[prompts]].astype(np.float64).T  # (n, n)
    dealt = float(cosine.mean())
    centred = cosine - cosine.mean(axis=1, keepdims=True) - cosine.mean(axis=0) + dealt
    own = np.diag(cosine)
    return Pairing(
        prompts=prompts,
        cosine=cosine,
        own=float(own.mean()),
        chance=float((cosine.sum() - own.sum()) / (n * (n - 1))),
        dealt=dealt,
        dealt_sd=float(np.sqrt((centred**2).sum() / (n - 1)) / n),
        n_own_best=int((own >= cosine.max(axis=1)).sum()),
    )


def is_at_chance(pairings: list[Pairing], rules: PictureRules) -> bool:
    """Whether these validations' means are not above chance by more than their error: validations
    share their prompts, so their errors do not average out."""
    if not pairings or min(len(pairing.prompts) for pairing in pairings) < rules.min_prompts:
        return False
    above = np.mean([pairing.own - pairing.dealt for pairing in pairings])
    error = np.mean([pairing.dealt_sd for pairing in pairings])
    return bool(above <= rules.chance_sds * error)
