"""The runs of one model held against each other, or each against its base: one `Comparison`.

Invariant: a difference is over common prompts and says how sure it is with all pairs allowed for; a
pair that may lie in the band is not ordered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from clipstore.analysis.analysed import AnalysedRun
from clipstore.analysis.bestcheckpoints import best_checkpoints
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.multiple import holm, maximal_sets, rank_intervals
from clipstore.analysis.pairs import (
    Difference,
    difference_of_sides,
    may_be_in_band,
    prompts_needed,
    smallest_shown,
)
from clipstore.analysis.phrases import band_text, count_text
from clipstore.analysis.rules import USUAL_BAND_GAP_COSINE
from clipstore.analysis.shake import shakes_of_runs
from clipstore.analysis.sides import Side, side_of_base, side_of_run
from clipstore.comparisons import (
    BASE,
    ComparedRun,
    Comparison,
    Group,
    GroupLabel,
    Pair,
    PairVerdict,
    Scope,
    ShakeSource,
    ShakeUsed,
)

SCOPE_NOTES: Mapping[Scope, str] = {
    "checkpoint": "These very checkpoints: the error is that of prompts and pictures. Another "
    "checkpoint of the same run would differ by its shake, another training seed by more.",
    "run": "The settings: the shake of single checkpoints is part of the error. How far another "
    "training seed would come out is not, and these scores cannot tell.",
}


@dataclass(frozen=True)
class CompareOptions:
    """What is asked."""

    scope: Scope = "run"
    against_base: bool = False
    """Each run with its own base model's pictures instead of runs with each other."""
    steps: tuple[tuple[str, int], ...] = ()
    """(run, step): this validation alone instead of the run's end."""
    wanted_difference: float | None = None
    """What the prompts needed are counted for; None for the rules' own."""


class Comparing:
    """The runs of one model on their way to a `Comparison`."""

    def __init__(
        self,
        runs: Sequence[AnalysedRun],
        options: CompareOptions,
        rules: CompareRules,
        prompt_ids: Mapping[int, str],
        store_jitter: float | None,
    ) -> None:
        self._runs, self._options, self._rules = runs, options, rules
        self._store_jitter = store_jitter
        self._prompt_ids = prompt_ids
        steps = dict(options.steps)
        self._shakes = shakes_of_runs(runs)
        self._sides = [
            side_of_run(run, options.scope, shake, steps.get(run.scores.run))
            for run, shake in zip(runs, self._shakes.runs, strict=True)
        ]

    def result(self, model: str) -> Comparison:
        couples = self._couples()
        differences = [difference_of_sides(a, b, self._rules) for _, _, a, b in couples]
        known = [each for each in differences if each is not None]
        adjusted = iter(holm([each.p for each in known]))
        pairs = tuple(
            self._not_comparable(a, b)
            if each is None
            else self._pair(i, a, b, each, float(next(adjusted)), len(known))
            for (i, _, a, b), each in zip(couples, differences, strict=True)
        )
        places = [(i, j) for i, j, _, _ in couples]
        ranked = not self._options.against_base and bool(known)
        ranks = self._ranks(places, pairs) if ranked else [(None, None)] * len(self._runs)
        runs = [
            self._compared(side, low, high)
            for side, (low, high) in zip(self._sides, ranks, strict=True)
        ]
        best = (best_checkpoints(run, self._rules) for run in self._runs)
        return Comparison(
            model=model,
            scope=self._options.scope,
            scope_note=SCOPE_NOTES[self._options.scope],
            alpha=self._rules.alpha,
            wanted_difference=self._wanted,
            runs=tuple(sorted(runs, key=lambda run: (run.rank_low or 0, run.run))),
            pairs=pairs,
            groups=self._groups(places, pairs) if ranked else (),
            best_checkpoints=tuple(each for each in best if each is not None),
            shake=self._shake_used() if self._options.scope == "run" else None,
        )

    def _shake_used(self) -> ShakeUsed:
        source: ShakeSource = "assumed" if self._store_jitter is None else "the database"
        if self._shakes.is_shown:
            source = "these runs"
        return ShakeUsed(float(np.sqrt(self._shakes.variance)), source, self._shakes.n_runs)

    @property
    def _wanted(self) -> float:
        if self._options.wanted_difference is not None:
            return self._options.wanted_difference
        band = self._runs[0].band
        if band is None:
            return self._rules.wanted_cosine
        gap = band.low_cosine - band.poor_below_cosine  # the yardstick of `rules_on_scale_of`
        return self._rules.wanted_cosine * gap / USUAL_BAND_GAP_COSINE

    def _couples(self) -> list[tuple[int, int, Side, Side]]:
        """(place of a, place of b, a, b)."""
        if self._options.against_base:
            return [
                (i, i, side, side_of_base(run, side))
                for i, (run, side) in enumerate(zip(self._runs, self._sides, strict=True))
            ]
        return [
            (i, j, self._sides[i], self._sides[j])
            for i, j in combinations(range(len(self._sides)), 2)
        ]

    def _pair(
        self, at: int, a: Side, b: Side, each: Difference, p_holm: float, n_pairs: int
    ) -> Pair:
        run, rules = self._runs[at], self._rules
        low, high = each.interval()
        in_band = all(
            may_be_in_band(level, side.level_se_of(each.n_prompts), run.band, run.rules)
            for level, side in ((each.level_a, a), (each.level_b, b))
        )
        verdict: PairVerdict = "cannot tell"
        reason = None
        if in_band and run.band is not None:
            verdict = "not rankable by CLIP"
            reason = (
                f"both means may be {band_text(run.band.low_cosine)} or higher, where differences "
                "are not informative: judge by eye"
            )
        elif p_holm < rules.alpha:
            verdict = "higher" if each.mean > 0 else "lower"
        shake = float(np.sqrt(each.shake_variance))
        return Pair(
            run_a=a.run,
            run_b=b.run,
            verdict=verdict,
            reason=reason,
            n_prompts=each.n_prompts,
            level_a=each.level_a,
            level_b=each.level_b,
            difference=each.mean,
            low=low,
            high=high,
            p_holm=p_holm,
            standard_error=each.se,
            df=each.df,
            difference_sd=each.sd,
            resolution=smallest_shown(each.se, each.df, n_pairs, rules),
            resolution_floor=smallest_shown(shake, each.shake_df, n_pairs, rules),
            prompts_needed=prompts_needed(each, self._wanted, rules),
        )

    def _not_comparable(self, a: Side, b: Side) -> Pair:
        return Pair(
            a.run,
            b.run,
            "not comparable",
            self._why_not(a, b),
            self._n_common(a, b),
            *[None] * 12,
        )

    def _why_not(self, a: Side, b: Side) -> str:
        empty = [side.run for side in (a, b) if len(side.prompts) == 0]
        if empty:
            what = "pictures" if self._options.against_base and a.run not in empty else "scores"
            named = [f"the {name}" if name == BASE else name for name in empty]
            return f"no usable {what} of {' and '.join(named)}"
        common = self._n_common(a, b)
        ids_a, ids_b = ({self._prompt_ids[p] for p in side.prompts.tolist()} for side in (a, b))
        edited = len(ids_a & ids_b) - common
        told = (
            f"{count_text(common, 'common prompt')}, and {self._rules.min_common_prompts} are the "
            "least"
        )
        if edited > 0:
            told += (
                f"; {count_text(edited, 'prompt id')} stand for another text in the other run: "
                "versions of a prompt do not mix"
            )
        return told

    @staticmethod
    def _n_common(a: Side, b: Side) -> int:
        return len(np.intersect1d(a.prompts, b.prompts, assume_unique=True))

    def _compared(self, side: Side, rank_low: int | None, rank_high: int | None) -> ComparedRun:
        level = side.level
        half = 1.96 * side.level_se
        shake = float(np.sqrt(side.shake_variance))
        return ComparedRun(
            run=side.run,
            steps=side.steps,
            n_prompts=len(side.prompts),
            level=level,
            level_low=None if level is None else level - half,
            level_high=None if level is None else level + half,
            location=side.location,
            plateau=side.plateau,
            jitter_sd=shake if self._options.scope == "run" else None,
            rank_low=rank_low,
            rank_high=rank_high,
        )

    def _ranks(
        self, places: Sequence[tuple[int, int]], pairs: Sequence[Pair]
    ) -> list[tuple[int | None, int | None]]:
        is_higher = np.zeros((len(self._runs), len(self._runs)), bool)
        for (i, j), pair in zip(places, pairs, strict=True):
            is_higher[i, j] = pair.verdict == "higher"
            is_higher[j, i] = pair.verdict == "lower"
        return list(rank_intervals(is_higher))

    def _groups(
        self, places: Sequence[tuple[int, int]], pairs: Sequence[Pair]
    ) -> tuple[Group, ...]:
        together = np.zeros((len(self._runs), len(self._runs)), bool)
        by_eye = together.copy()
        for (i, j), pair in zip(places, pairs, strict=True):
            undecided = pair.verdict in ("cannot tell", "not rankable by CLIP")
            together[i, j] = together[j, i] = undecided
            by_eye[i, j] = pair.verdict == "not rankable by CLIP"
        names = [run.scores.run for run in self._runs]
        groups = []
        for members in islice(maximal_sets(together), self._rules.max_groups):
            label: GroupLabel = "alone"
            if len(members) > 1:
                inside = by_eye[np.ix_(members, members)]
                label = "judge by eye" if inside.any() else "cannot be told apart"
            groups.append(Group(tuple(names[i] for i in members), label))
        return tuple(sorted(groups, key=lambda group: group.runs))
