"""How verdicts are called and drawn: words, icons and colours, one place for page and summary.

Invariant: a badge is never told by its colour alone; it has a word and an icon of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from clipstore.findings import Label, Location, PlateauStatus


@dataclass(frozen=True)
class Badge:
    """How a verdict looks: never by colour alone."""

    slug: str
    """Names the colour and the icon in `styles/` and `sections/parts.html.j2`."""
    word: str
    meaning: str
    """For the definitions."""


BADGES: dict[Label, Badge] = {
    "abandon": Badge(
        "stop",
        "Abandon",
        "The level is poor or below the band and no rise is to be expected, or the run fell far "
        "below its own best. The rule speaks late on purpose: a wrong stop costs more than a "
        "late one.",
    ),
    "in band: judge by eye": Badge(
        "band",
        "In band: judge by eye",
        "The scores reached the region where CLIP no longer tells better from worse. Such runs "
        "have no rank and no best step here; look at the pictures.",
    ),
    "keep going": Badge("go", "Keep going", "The curve still rises, or nothing speaks for a stop."),
    "cannot tell yet": Badge(
        "wait",
        "Cannot tell yet",
        "The data do not decide it. The table says what would.",
    ),
}
LOCATIONS: dict[Location, str] = {
    "POOR": "poor",
    "BELOW_BAND": "below the band",
    "BORDERLINE": "at the band's edge",
    "IN_BAND": "in band",
    "ABOVE_BAND": "above the band",
    "UNKNOWN": "",
}
STATUSES: dict[PlateauStatus, str] = {
    "plateau": "flat",
    "flat_within_resolution": "flat as far as these data can see",
    "rising": "rising",
    "falling": "falling",
    "unstable": "unstable",
    "inconclusive": "trend unclear",
    "too_short": "too short to judge",
}


def code_to_words(code: str) -> str:
    """`TOO_FEW_PROMPTS` as "too few prompts"."""
    return code.replace("_", " ").lower()
