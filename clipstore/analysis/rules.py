"""The constants of a verdict, each with its reason.

Invariant: no threshold of a verdict lives anywhere else; `allrules.py` has these beside those of
comparing, of pictures and of calibrating. The defaults were chosen on synthetic runs
(`tests/curves.py`) before any run of a user was seen; `benchmarks/verdicts.py` prints what they
cost and what they catch, also on runs of another make (`tests/episode_runs.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from clipstore.modelidentity import Band

USUAL_BAND_GAP_COSINE = 0.08
"""From "poor" to the band with openai/clip-vit-large-patch14-336, on whose scale the defaults are
given: .22 to .30."""


@dataclass(frozen=True)
class Rules:
    """Cosines are raw; "validations" are steps with pictures; shares are 0 to 1."""

    # The clean panel
    min_prompt_presence: float = 0.60
    """A prompt counts when this share of the validations has it. Any two such prompts share at
    least a fifth of the validations, so missing cells can be accounted for."""
    min_step_coverage: float = 0.50
    """A validation counts with this share of the panel; with less, one failed upload or an
    unfinished validation would move the curve."""
    repeated_cells: int = 3
    """The same score to the last bit in this many cells of a run: black or copied pictures. Two can
    be chance in a large run, three hardly."""
    repeated_cells_large: int = 4
    """The same for runs of more than `large_run_cells` scores, where three can be chance."""
    large_run_cells: int = 20_000
    rounded_repeat: int = 6
    """For scores rounded by whoever exported them: equal neighbours in a row before it counts as a
    repeat. Rounding to .001 makes two or three equal neighbours ordinary."""
    bad_step_cosine: float = 0.02
    """A lone validation this far from both neighbours is left out: larger than any checkpoint
    shake seen, smaller than the fall to pictures of other prompts (about .10)."""
    bad_step_sds: float = 5.0
    """... and this many standard deviations of one validation."""
    max_bad_steps: int = 2
    """More than this many are a pattern, not accidents: then none is left out."""
    mixed_up_correlation: float = 0.3
    """Hard prompts stay hard from one validation to the next (correlation .7 and more). A jump
    with less than this shows pictures of other prompts."""

    # Errors
    prior_weight: float = 10.0
    """The covariance of prompts over steps is pulled towards a typical one as if it rested on
    this many prompts: ten prompts alone give errors that are too small too often."""
    prior_prompt_sd: float = 0.04
    """Typical spread between prompts (published ViT scores: .025 to .045)."""
    prior_change_sd: float = 0.02
    """Typical SD of one prompt's change between two validations (free seeds .014 to .025 per
    picture; fixed seeds .008 to .014)."""
    jitter_prior_sd: float = 0.003
    """SD by which one checkpoint moves all prompts together: an assumption until runs show it."""
    jitter_pool_runs: int = 20
    """From so many runs of one model on, their own shake replaces that assumption."""
    jitter_sample_runs: int = 200
    """The pool is taken from so many runs at most: more change the third digit."""
    jitter_min_sd: float = 0.001
    """No pool is believed to show less: single curves are too short to prove stillness."""
    jitter_prior_weight: float = 8.0
    """Degrees of freedom that assumption is worth."""
    jitter_max_sd: float = 0.008
    """Larger estimates are swings of the curve, not the shake of a checkpoint."""
    jitter_autocorrelation: float = 0.5
    """Neighbouring checkpoints share half of their shake: they share most of their weights."""
    jitter_min_validations: int = 8
    """With fewer, the estimate says nothing and the assumption stands alone."""

    # Plateau
    min_validations: int = 5
    """Fewer do not show a trend."""
    flat_cosine: float = 0.005
    """A change below this means nothing to an eye; a plateau is shown to change less."""
    resolution_cosine: float = 0.02
    """With few prompts a bound this wide still tells flat from a run that is learning ..."""
    resolution_drift_cosine: float = 0.009
    """... when the drift itself is this small."""
    min_settled: float = 0.65
    """This much of the fitted curves must be at their end level for a whole tail: a slow straight
    drift passes the bound of a noisy run, but its fitted knee lies near the end."""
    max_swing_cosine: float = 0.0075
    """A tail that swings more than this about its line is not flat but unstable."""
    tail_share: float = 0.25
    """A plateau lasts at least this share of the validations; also the horizon of the drift."""
    min_tail: int = 4
    """... and at least this many validations."""
    excursion_sds: float = 3.0
    """The last approach starts at a stay this many SDs of one validation beyond the flat range.
    With less, a shake in the middle of a flat run passes for a dip and the onset comes late."""
    onset_quantile: float = 0.35
    """Where in the weighted onsets of the fitted curves the onset is read: below the median,
    because a curve that nears its end slowly is late in every fit."""
    onset_interval: tuple[float, float] = (0.03, 0.97)
    location_margin_cosine: float = 0.006
    """A level this near to the band's edge is called borderline: two jitters."""

    # Abandon
    alpha: float = 0.01
    """Chance that sampling error alone flags a run wrongly, over all looks and reasons."""
    drop_cosine: float = 0.04
    """A collapse loses at least this: twice what healthy dips and swings lose."""
    collapse_share: float = 0.13
    """... for this share of the planned validations, because dips recover ..."""
    collapse_min_validations: int = 4
    """... and at least this many."""
    dip_factor: float = 1.5
    """A run that recovered from a dip before is given this much longer."""
    regained_share: float = 0.35
    """A run that has won back this share of its loss is recovering."""
    patience_share: float = 0.57
    """A run below the band is never flagged before this share of its plan: late bloomers look the
    same until they bloom. Blooms that begin after about .55 of the plan are lost; what lies between
    is for the first validations of a bloom to show."""
    stuck_min_validations: int = 8
    """Validations before a run can be called stuck."""
    stuck_min_window: int = 5
    """Its level is that of the last half of the validations, at least so many."""
    stuck_flat_share: float = 0.25
    """It has been at its end level for this share of the planned validations, counted from the
    latest onset that fits: a run that learned until just now, pauses or dips is not stuck. With
    none, a third of the runs that learn slowly below the band were flagged."""
    stuck_rest_factor: float = 2.0
    """A run that learned before it went flat has rested this many times as long as it learned. One
    that learned by fits and starts pauses as long as it climbs; one that stops for good mostly
    stops early. With 0, twice as many runs that learn below the band are flagged, and one to three
    in a hundred more of those that are stuck."""
    near_band_cosine: float = 0.004
    """A run with a two-step mean this near to the band, ever, is not stuck below it."""
    unreachable_cosine: float = 0.01
    """The optimistic line must end this far below the band."""
    line_share: float = 0.20
    """The optimistic line is also drawn through this share of newest validations: a late turn."""
    rising_sds: float = 1.3
    """A slope, or a step of the last two, of this many errors vetoes a flag; a low bar on
    purpose."""
    rising_cosine: float = 0.005
    """... when it has gained this much."""
    last_two_cosine: float = 0.004
    """Two last validations this far above or below the rest veto a flag: the run moves."""
    withdraw_cosine: float = 0.01
    """A flag is taken back when the newest three validations lie this far above the flagged
    level, paired by prompt ..."""
    withdraw_probability: float = 0.99
    """... and this surely above it, or every tenth stuck run would be let off by noise."""
    sibling_overlap: float = 0.80
    """A run with this share of the prompts that reached the band proves they can reach it; the
    level then needs no allowance for other prompts."""

    max_proofs: int = 100
    """Different prompt sets kept as such a proof, the largest: with one for each of thousands of
    runs, comparing them all would take longer than all else."""

    # What is said
    few_prompts: int = 8
    """Fewer get the note TOO_FEW_PROMPTS."""
    min_prompts: int = 5
    """Fewer are not judged: five prompts are an anecdote, not a mean."""
    at_base_cosine: float = 0.01
    """A flat run whose difference from the base model lies within this is flat at base."""


def rules_on_scale_of(band: Band | None, rules: Rules) -> Rules:
    """`rules` with every cosine and SD stretched to the scale of the band's model.

    Models spread their cosines differently: a change that is nothing on one scale is all there is
    on another. The gap between poor and the band is the yardstick. Without a band nothing is known
    of the scale, and the rules stay as they are.
    """
    if band is None:
        return rules
    stretch = (band.low_cosine - band.poor_below_cosine) / USUAL_BAND_GAP_COSINE
    if abs(stretch - 1.0) < 1e-9:
        return rules
    return replace(
        rules,
        **{
            field.name: stretch * getattr(rules, field.name)
            for field in fields(rules)
            if field.name.endswith(("_cosine", "_sd"))
        },
    )
