"""The constants of comparing runs and prompts, each with its reason: none of them moves the verdict
of a single run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompareRules:
    """Cosines are raw; shares are 0 to 1."""

    alpha: float = 0.05
    """Chance of any wrong "higher" or "lower" among all pairs of a comparison. The usual one: a
    wrong ranking costs a second look, not a training."""
    power: float = 0.80
    """Chance with which a difference of the size called resolution is shown: the usual one."""
    min_common_prompts: int = 5
    """Fewer common prompts are an anecdote: with four differences the SE has three degrees of
    freedom and one odd picture decides."""
    wanted_cosine: float = 0.01
    """The difference that the number of prompts needed is given for, unless asked otherwise;
    stretched to the scale of the model, as `rules.rules_on_scale_of` does. Of two
    pictures of one prompt that score .30 or more and lie nearer than this, CLIP picks the one that
    people prefer as often as a coin does (`benchmarks/human_agreement.py`)."""
    max_groups: int = 200
    """Groups listed at most. Levels lie on one line, so there are about as many groups as runs;
    only contradictory prompt sets make more."""

    # Prompts
    false_discovery_rate: float = 0.05
    """Of the prompts listed as risen or fallen, the share expected to be chance."""
    noise_prior_df: float = 4.0
    """One prompt's noise is pulled towards the run's usual one as if that rested on this many
    values: a dozen validations alone give errors that are too small too often."""
    max_noise_autocorrelation: float = 0.9
    """Beyond this the tail is a trend, not noise."""
