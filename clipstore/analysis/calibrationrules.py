"""The constants of a calibration, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CalibrationRules:
    """How levels become edges. Shares are 0 to 1."""

    confidence: float = 0.95
    """Of every interval."""
    poor_share: float = 1 / 3
    """Poor below this share of the way from chance to true pairs: such pictures get less than a
    third of what following a prompt is worth. Published ViT-B/32 figures (shuffled pairs .178, true
    pairs .306) give .221, and .22 is known as poor for openai/clip-vit-large-patch14-336."""
    unseen_share: float = 1 / 16
    """The band begins this share of the way from poor to true pairs before the level of true pairs.
    It is the change that means nothing to an eye (`Rules.flat_cosine`, .005) on the scale of the
    known band (poor .22, band from .30)."""
    high_sds: float = 3.29
    """The band ends this many SDs of single pairs above the level of true pairs: 1 of 2,000 single
    pairs is above, so a mean up there shows something else than following, text in the picture for
    example. The ViT-B/32 figures (SD .025) give .388; .39 is known."""
    min_texts: int = 30
    """Fewer different texts are refused: an SD from 29 has an interval of -20 to +34 %, which moves
    the band's end by more than one SD already."""
    max_half_width_share: float = 1 / 16
    """The level of true pairs is known well when half of its interval is no more than this share of
    the way from poor to it: less than an eye sees. Wider ones are marked, because the band then
    begins visibly early."""
