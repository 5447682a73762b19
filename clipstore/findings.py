"""What the analysis says of a run, as values: no computing, no printing.

The field names are those of `clipstore verdict --format jsonl`. Levels, intervals, drifts and
bounds are raw cosines; steps are optimizer steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstore.picturefindings import PictureFindings

PlateauStatus = Literal[
    "plateau",
    "flat_within_resolution",
    "rising",
    "falling",
    "unstable",
    "inconclusive",
    "too_short",
]
Location = Literal["POOR", "BELOW_BAND", "BORDERLINE", "IN_BAND", "ABOVE_BAND", "UNKNOWN"]
AbandonReason = Literal["COLLAPSED", "STUCK_POOR", "STUCK_BELOW_BAND"]
Answer = Literal["yes", "no", "cannot tell yet"]
Label = Literal["abandon", "in band: judge by eye", "keep going", "cannot tell yet"]


@dataclass(frozen=True, slots=True)  # there are many of them
class StepMean:
    """One validation of a run: the mean over its prompts."""

    step: int
    n_prompts: int
    """Prompts that count: with a text that is not blank."""
    n_images: int
    mean: float
    """`clip/mean`: images averaged per prompt, then prompts averaged. What trainers log / 100."""
    adjusted_mean: float
    """The same with missing prompts accounted for, so that steps with other prompts compare."""
    low: float
    """Lower end of the 95 % interval of `adjusted_mean` for these very prompts: picture noise and
    the shake that a checkpoint gives all prompts together. Not how far other prompts would lie."""
    high: float
    change_from_first: float
    """Paired by prompt: adjusted mean here minus at the run's first validation."""
    change_low: float
    """95 % interval of that change, paired by prompt."""
    change_high: float


@dataclass(frozen=True)
class Plateau:
    """Whether the curve is flat at its end, since when, and at what level."""

    status: PlateauStatus
    onset_step: int | None
    """First validation of the flat part; None unless flat."""
    onset_low_step: int | None
    onset_high_step: int | None
    level: float | None
    """Mean over the last flat part, or over the last quarter when not flat."""
    level_low: float | None
    """95 % interval for these prompts."""
    level_high: float | None
    level_any_low: float | None
    """95 % interval for any set of prompts of this kind: wider, prompts differ a lot."""
    level_any_high: float | None
    location: Location
    """The level against the model's band; UNKNOWN without a band or a level."""
    drift: float | None
    """Expected change over the next `horizon_steps` if the tail's trend goes on."""
    drift_low: float | None
    """90 % interval of the drift (two one-sided tests at 5 %)."""
    drift_high: float | None
    horizon_steps: int | None
    bound: float | None
    """The change that these data cannot exclude: max(|drift_low|, |drift_high|)."""


@dataclass(frozen=True)
class Abandon:
    """Whether to stop the run: a wrong yes costs more than a late one."""

    answer: Answer
    flag: bool
    """True exactly when `answer` is "yes"."""
    reason: AbandonReason | None
    first_flag_step: int | None
    """The validation at which the rule first said yes, replaying them in order."""
    steps_saved: int | None
    """Planned steps after `first_flag_step`; None without a plan or a flag."""
    peak_step: int | None
    """Where the run was best, for rolling back; None unless COLLAPSED."""


AdviceKind = Literal[
    "ROLL_BACK",
    "LOWER_LEARNING_RATE",
    "STOP",
    "CHECK_PAIRING",
    "CHECK_PICTURES",
    "JUDGE_BY_EYE",
    "MORE_VALIDATIONS",
    "MORE_PROMPTS",
    "SET_PLANNED_STEPS",
    "LONGER_PLAN",
]


@dataclass(frozen=True)
class Advice:
    """Something to do, and the evidence for it. Numbers that do not apply are None."""

    kind: AdviceKind
    because: str
    """The abandon reason, case or note that gave rise to it."""
    text: str
    step: int | None = None
    """The step it speaks of: the peak to go back to."""
    last_good_step: int | None = None
    """The newest validation before the fall."""
    checkpoint: str | None = None
    """Name of the nearest checkpoint folder that there is; None when the folder was not seen."""
    checkpoint_step: int | None = None
    cosine: float | None = None
    """clip/mean at `step`, or of the base model where the reason is BELOW_BASE."""
    cosine_now: float | None = None
    n_validations: int | None = None
    """More validations needed, about."""
    n_prompts: int | None = None
    """Prompts needed in all, about."""
    resolution_cosine: float | None = None
    """The change that so much data would bound."""
    steps: tuple[int, ...] = ()
    """Validations whose pictures are to be looked at: those left out because their scores lost the
    pattern of the prompts."""


@dataclass(frozen=True)
class BaseComparison:
    """The trained pictures against the base model's, paired by prompt, at the last validation."""

    base_mean: float
    difference: float
    """Last validation minus base, mean over common prompts."""
    low: float
    """95 % interval, paired, checkpoint shake included."""
    high: float
    n_prompts: int


@dataclass(frozen=True)
class BestCheckpoints:
    """The validations of one run that cannot be told from its best one."""

    run: str
    best_step: int | None
    """The highest mean; its lead over the others in `steps` is within what chance gives. None where
    it may lie in the band: there no checkpoint is ahead of another, judge by eye."""
    steps: tuple[int, ...]
    """Holds the truly best one with 95 % confidence; in the band, all that may lie there."""
    n_validations: int


@dataclass(frozen=True)
class Verdict:
    """All that is said of one run under one model."""

    run: str
    model: str
    """Name of the CLIP model; scores of different models never mix."""
    verdict: Label
    reasons: tuple[str, ...]
    """Sentences with numbers; the first one is enough for a table."""
    what_it_would_take: str | None
    """For "cannot tell yet": what would decide it; else None."""
    plateau: Plateau
    abandon: Abandon
    base: BaseComparison | None
    steps: tuple[StepMean, ...]
    n_prompts: int
    n_validations: int
    planned_steps: int | None
    checkpoint_jitter: float | None
    """Estimated SD by which one checkpoint moves all prompts together; None when too short."""
    notes: tuple[str, ...]
    """Codes such as TOO_FEW_PROMPTS, BUDGET_UNKNOWN, CONSTANT_SCORES, BAND_UNKNOWN."""
    store_jitter: float | None = None
    """The same SD over all runs of the store under this model, which single runs are held against;
    None where they are too few."""
    advice: tuple[Advice, ...] = ()
    """The most urgent first."""
    best: BestCheckpoints | None = None
    """None with fewer than two validations that count, or too few prompts to compare them."""
    pictures: PictureFindings | None = None
    """What the pictures' vectors say beside the scores; None when they were not read. Nothing of
    it is in `verdict`."""
