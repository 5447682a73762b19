"""Vectors of a run in, `PictureFindings` out: the parts that look at pictures, put together.

Invariant: pure as the rest of the analysis, and beside it. Nothing here reaches the verdict: the
notes tell where to look, they do not stop a run and do not rank inside the band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipstore.analysis.basecontrol import control_distances, scoring_jitter
from clipstore.analysis.picturecells import RunPictures
from clipstore.analysis.picturemoves import Drift, Moves, drift_of, frozen_since, moves_of
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.picturespread import (
    Duplicates,
    Fall,
    Spread,
    duplicates_of,
    fall_of,
    spread_of,
)
from clipstore.analysis.picturestrays import Strays, strays_by_step
from clipstore.analysis.picturetexts import Pairing, is_at_chance, pairing_of
from clipstore.analysis.plateau import FLAT
from clipstore.analysis.series import Floats
from clipstore.findings import Plateau
from clipstore.picturefindings import PictureStep


@dataclass(frozen=True)
class PictureFacts:
    """All that a sentence about the pictures may speak of. Lists have one entry a validation."""

    run: RunPictures
    moves: Moves
    spreads: list[Spread]
    duplicates: list[Duplicates]
    pairings: list[Pairing | None]
    strays: list[Strays]
    control: Floats
    reference: float | None
    """The largest diversity of the run and its base model; None with fewer than two prompts."""
    frozen_at: int | None
    """Index of the validation since which the pictures are the same."""
    drift: Drift | None
    """Only of a plateau whose pictures go somewhere."""
    drift_at: int | None
    fall: Fall | None
    is_at_chance: bool
    jitter: float | None
    rules: PictureRules

    def mismatched(self) -> list[int]:
        """Indices of the validations whose pictures seem to belong to other prompts."""
        rules = self.rules
        return [
            t
            for t, (strays, pairing) in enumerate(zip(self.strays, self.pairings, strict=True))
            if pairing is not None
            and strays.n >= rules.min_of_other_prompts
            and strays.n >= rules.min_share_of_other_prompts * len(pairing.prompts)
        ]


def facts_of(run: RunPictures, plateau: Plateau | None, rules: PictureRules) -> PictureFacts:
    """Everything that can be computed of one run; T may be 0. `plateau`: of its scores."""
    moves = moves_of(run)
    spreads = [spread_of(run, cells) for cells in run.trained]
    base = _base_spread(run)
    known = [s.diversity for s in (*spreads, *([base] if base else [])) if s.diversity > 0]
    reference = max(known, default=None)
    near = rules.same_share * (reference or 0.0)
    pairings = [pairing_of(run, cells) for cells in run.trained]
    last = [p for p in pairings[-rules.fall_validations :] if p is not None]
    frozen_at = None if reference is None else frozen_since(moves, reference, rules)
    drift, drift_at = None, None
    if frozen_at is None and reference is not None and plateau is not None:
        drift, drift_at = _drift_of_plateau(run, plateau, reference, rules)
    return PictureFacts(
        run=run,
        moves=moves,
        spreads=spreads,
        duplicates=[duplicates_of(run, cells, near) for cells in run.trained],
        pairings=pairings,
        strays=strays_by_step(run, pairings, rules),
        control=control_distances(run),
        reference=reference,
        frozen_at=frozen_at,
        drift=drift,
        drift_at=drift_at,
        fall=fall_of(run.steps, spreads, base, rules),
        is_at_chance=len(last) == rules.fall_validations and is_at_chance(last, rules),
        jitter=scoring_jitter(run),
        rules=rules,
    )


def picture_steps(facts: PictureFacts) -> tuple[PictureStep, ...]:
    """The numbers of every validation."""
    run, moves = facts.run, facts.moves
    found = []
    for t, step in enumerate(run.steps):
        pairing, spread = facts.pairings[t], facts.spreads[t]
        there = run.trained[t] >= 0
        found.append(
            PictureStep(
                step=int(step),
                n_prompts=len(np.unique(run.prompt[there])),
                n_pictures=int(there.sum()),
                from_base=_number(moves.from_base[t]),
                from_base_se=_number(moves.from_base_se[t]),
                from_previous=_number(moves.from_previous[t]),
                from_previous_se=_number(moves.from_previous_se[t]),
                diversity=_number(spread.diversity),
                diversity_se=_number(spread.se),
                n_near_duplicates=facts.duplicates[t].n_pictures,
                n_repeats=facts.duplicates[t].n_repeats,
                own_cosine=pairing.own if pairing else None,
                chance_cosine=pairing.chance if pairing else None,
                chance_sd=pairing.dealt_sd if pairing else None,
                n_own_best=pairing.n_own_best if pairing else None,
                n_of_other_prompts=facts.strays[t].n,
                control_distance=_number(facts.control[t]),
            )
        )
    return tuple(found)


def _base_spread(run: RunPictures) -> Spread | None:
    with_base = np.flatnonzero((run.base >= 0).any(axis=1))
    cells = run.base[with_base[-1]] if len(with_base) else run.base_apart
    spread = spread_of(run, cells)
    return spread if np.isfinite(spread.diversity) else None


def _drift_of_plateau(
    run: RunPictures, plateau: Plateau, reference: float, rules: PictureRules
) -> tuple[Drift | None, int | None]:
    if plateau.status not in FLAT or plateau.onset_step is None:
        return None, None
    start = int(np.searchsorted(run.steps, plateau.onset_step))
    drift = drift_of(run, start, rules)
    if drift is None or drift.excess < rules.drift_share * reference or drift.p > rules.drift_p:
        return None, None
    return drift, start


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
