"""What is said of a run's single prompts, as values: no computing, no printing.

The field names are those of `clipstore prompts --format jsonl`. Cosines are raw. A prompt's number
is compared with the same prompt's earlier number only: some fine pictures score .14 and some poor
ones .39, so no level of one prompt is called good or bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reference = Literal["base", "first"]
"""What is compared with: the base model's pictures, or the run's first validation."""
ChangeVerdict = Literal["rose", "fell", "cannot tell", "judge by eye", "too few prompts"]
PromptFlag = Literal["TRUNCATED", "ASKS_FOR_WORDS"]
"""TRUNCATED: CLIP read only the beginning of the text. ASKS_FOR_WORDS: the picture shall show
written words, which CLIP reads as if they were the thing itself."""


@dataclass(frozen=True)
class PromptFacts:
    """What the store knows of a prompt besides its scores."""

    prompt_id: str
    text: str
    tags: tuple[tuple[str, str], ...]
    """(name, value) as the prompt file had them."""
    flags: tuple[PromptFlag, ...]


@dataclass(frozen=True)
class PromptChange:
    """One prompt of a run: its last validations against the reference."""

    prompt_id: str
    text: str
    tags: tuple[tuple[str, str], ...]
    flags: tuple[PromptFlag, ...]
    n_validations: int
    """With this prompt."""
    level: float
    """Mean over the validations compared."""
    reference: float | None
    """None where the reference has no picture of this prompt; then there is no change either."""
    change: float | None
    low: float | None
    """95 % interval of this change alone; None with too few validations to know the noise."""
    high: float | None
    q_value: float | None
    """Of the prompts listed up to here as risen or fallen, at most this share is expected to be
    chance (Benjamini and Hochberg)."""
    verdict: ChangeVerdict
    trend: float | None
    """Change over the whole run along a straight line; None as `low`."""
    trend_low: float | None
    trend_high: float | None
    trend_q_value: float | None


@dataclass(frozen=True)
class TagChange:
    """All prompts of one tag value together."""

    tag: str
    value: str
    n_prompts: int
    """With a change: those that the means are over."""
    n_flagged: int
    """Of all its prompts, those with a flag."""
    level: float | None
    """None with fewer than five prompts, like all below."""
    reference: float | None
    change: float | None
    low: float | None
    """95 % interval for prompts of this kind, checkpoint shake included."""
    high: float | None
    p_holm: float | None
    """Adjusted for all values of this tag."""
    verdict: ChangeVerdict


@dataclass(frozen=True)
class PromptReport:
    """The prompts of one run under one model."""

    run: str
    model: str
    reference: Reference
    reference_step: int | None
    """None for the base model."""
    steps: tuple[int, ...]
    """The validations compared: the last quarter, at least four where there are as many."""
    in_band: bool
    """Both means may lie in the band: the list says where to look, not what is better."""
    false_discovery_rate: float
    prompts: tuple[PromptChange, ...]
    """By change, most fallen first; those without a change last."""
    tags: tuple[TagChange, ...]
    """By tag and value."""
