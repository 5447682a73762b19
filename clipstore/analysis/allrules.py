"""Every constant of the analysis under one root.

Invariant: no threshold lives outside this tree, and one `AllRules` with the scores and vectors
repeats every result. The parts are files of their own because nothing that uses one needs the rest;
a rules file has a section for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clipstore.analysis.calibrationrules import CalibrationRules
from clipstore.analysis.comparerules import CompareRules
from clipstore.analysis.picturerules import PictureRules
from clipstore.analysis.rules import Rules


@dataclass(frozen=True)
class AllRules:
    """The parts, each documented where it stands."""

    verdict: Rules = field(default_factory=Rules)
    """The curve, its errors, its plateau and the verdict; comparing and the prompts use the curve
    too."""
    compare: CompareRules = field(default_factory=CompareRules)
    """Runs with each other, and single prompts."""
    pictures: PictureRules = field(default_factory=PictureRules)
    """Findings from stored vectors."""
    calibration: CalibrationRules = field(default_factory=CalibrationRules)
    """A model's band from pairs."""
