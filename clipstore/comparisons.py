"""What a comparison of runs says, as values: no computing, no printing.

The field names are those of `clipstore compare --format jsonl`. Cosines are raw, differences are
`run_a` minus `run_b`. "Higher" is a higher cosine, pictures that follow their prompts more closely;
CLIP says nothing of quality, so nothing here is called better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstore.findings import BestCheckpoints, Location, PlateauStatus

Scope = Literal["checkpoint", "run"]
"""`checkpoint`: these very weights (which file to ship). `run`: the settings that made them, so the
shake of single checkpoints counts as error; another training seed would still differ."""

PairVerdict = Literal["higher", "lower", "cannot tell", "not rankable by CLIP", "not comparable"]
GroupLabel = Literal["alone", "cannot be told apart", "judge by eye"]

BASE = "base model"
"""Stands as `run_b` where a run is compared with the pictures of its own base model."""


@dataclass(frozen=True)
class ComparedRun:
    """One run as it went into the comparison."""

    run: str
    steps: tuple[int, ...]
    """The validations whose mean is compared; empty when the run has none."""
    n_prompts: int
    level: float | None
    """Mean over its own prompts; pairs compare on their common prompts only."""
    level_low: float | None
    """95 % interval for these prompts, in the comparison's scope."""
    level_high: float | None
    location: Location
    plateau: PlateauStatus
    """How the run ends. Where it is not flat, the level is only where it happens to be."""
    jitter_sd: float | None
    """SD of the compared mean by the shake of checkpoints; None in scope checkpoint."""
    rank_low: int | None
    """Best rank that cannot be excluded: 1 + the runs that are surely higher."""
    rank_high: int | None
    """Worst rank that cannot be excluded; None where nothing was compared."""


@dataclass(frozen=True)
class Pair:
    """Two runs, paired by prompt."""

    run_a: str
    run_b: str
    verdict: PairVerdict
    """Of `run_a`, with all pairs of the comparison allowed for (Holm)."""
    reason: str | None
    """Why the pair is not rankable or not comparable; else None."""
    n_prompts: int
    """Common prompts: the same id with the same text."""
    level_a: float | None
    """Mean over the common prompts; None when not comparable, like all below."""
    level_b: float | None
    difference: float | None
    low: float | None
    """95 % interval of this difference alone."""
    high: float | None
    p_holm: float | None
    """Adjusted for all pairs; `verdict` follows it unless the pair is not rankable."""
    standard_error: float | None
    df: float | None
    difference_sd: float | None
    """SD over prompts of their differences: what the number of prompts averages out."""
    resolution: float | None
    """The smallest true difference that would have been shown with 80 % chance, all pairs allowed
    for."""
    resolution_floor: float | None
    """What that would be with any number of prompts: the checkpoints' shake. 0 in scope
    checkpoint."""
    prompts_needed: int | None
    """Prompts that would show `wanted_difference` in a pair alone; None when no number would."""


@dataclass(frozen=True)
class Group:
    """A largest set of runs of which no two can be told apart. Groups overlap."""

    runs: tuple[str, ...]
    label: GroupLabel


ShakeSource = Literal["assumed", "these runs", "the database"]


@dataclass(frozen=True)
class ShakeUsed:
    """How much single checkpoints are taken to shake in scope run."""

    sd: float
    """By which one checkpoint moves all prompts together, over all runs compared."""
    source: ShakeSource
    """What it rests on mostly. Where it is assumed, runs that shake more are told apart too often:
    with twice the assumed shake about one comparison in four holds a wrong claim."""
    n_runs: int
    """Compared runs whose ends say anything of it."""


@dataclass(frozen=True)
class Comparison:
    """All runs that one model scored."""

    model: str
    """Scores of different models, pixel paths or arithmetics never mix."""
    scope: Scope
    scope_note: str
    """What the errors contain and what not."""
    alpha: float
    """Chance of one wrong "higher" or "lower" in the whole comparison."""
    wanted_difference: float
    runs: tuple[ComparedRun, ...]
    """By best possible rank, then name: inside the band never by score."""
    pairs: tuple[Pair, ...]
    groups: tuple[Group, ...]
    best_checkpoints: tuple[BestCheckpoints, ...]
    """In scope checkpoint, whatever the scope of the comparison; runs with two validations or
    more."""
    shake: ShakeUsed | None = None
    """None in scope checkpoint."""


@dataclass(frozen=True)
class ModelsApart:
    """Runs that no common model scored, so that nothing compares them."""

    model_a: str
    model_b: str
    runs_a: tuple[str, ...]
    runs_b: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ComparisonSet:
    """The answer to one question: a comparison per model, and what no comparison could hold."""

    comparisons: tuple[Comparison, ...]
    apart: tuple[ModelsApart, ...]
