"""Finds the boxes of a composite's panels, and says what decided them.

Invariant: a cut is returned only when exactly one reading of the picture agrees with everything
that is known; otherwise the picture is refused. Sizes that something vouches for (file name, base
picture, config) go first, sizes read off the separators last. Layouts only pass on what they know:
whatever can turn a reading into a wrong score is decided from here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipstore.pictures.evidence import Evidence
from clipstore.pictures.panel_grid import Fit, fit_grid, width_to_grids
from clipstore.pictures.panel_roles import Assignment, Refusal, assign_roles
from clipstore.pictures.panel_sizes import (
    Claim,
    Source,
    area_agrees,
    free_fits,
    is_label_size,
    known_sizes,
    may_have_footer,
)
from clipstore.types import CompositeHints, Cut, PanelCut, Size

__all__ = ["MIN_CONFIDENCE", "Refusal", "find_panels"]

MIN_CONFIDENCE = 0.75
"""Below this a reading is a guess, and a guess is refused."""

_FOUND_SIZE_FACTOR = 0.93
"""A size that only the picture vouches for is less sure than one that the run's files name."""


def find_panels(
    pixels: NDArray[np.uint8],
    hints: CompositeHints,
    *,
    is_lossy: bool,
    base_pixels: NDArray[np.uint8] | None = None,
) -> Cut | Refusal:
    """The panels to score in one picture of SimpleTuner's `validation_images/`.

    `pixels` is RGB, (height, width, 3); `base_pixels` the decoded `hints.base_picture`, if it can
    be read; `is_lossy` says that the file is JPEG or lossy WebP, whose lines are not exact.
    The cut lists "checkpoint", and "base" and "ema" where they are drawn and known to be.
    """
    evidence = Evidence(pixels, hints, is_lossy, base_pixels)
    readings = _readings(evidence)
    if not readings:
        return _unexplained(evidence)
    cuts: list[Cut] = []
    for fit, source in readings:
        assigned = assign_roles(fit, evidence)
        if isinstance(assigned, Refusal):
            return assigned
        cuts.append(_cut(fit, source, assigned, evidence))
    best = max(cuts, key=lambda cut: cut.confidence)
    if any(cut.panels != best.panels for cut in cuts):
        return Refusal(
            "ambiguous_size",
            f"{_size_text(evidence)} can be taken apart in {len(cuts)} ways that nothing decides "
            "between; keep benchmarks/base_model and the config beside the run and ingest again.",
        )
    if best.confidence < MIN_CONFIDENCE:
        return Refusal(
            "low_confidence",
            f"{_size_text(evidence)} is read as {best.method} with confidence {best.confidence}, "
            f"below {MIN_CONFIDENCE}; keep benchmarks/base_model beside the run and ingest again.",
        )
    return best


def _readings(evidence: Evidence) -> list[tuple[Fit, Source]]:
    """The fits that remain when better explained ones set aside the others."""
    height, width = evidence.pixels.shape[:2]
    base = evidence.base_pixels
    base_size = None if base is None else Size(base.shape[1], base.shape[0])
    claims = known_sizes(evidence.hints, base_size, Size(width, height))
    known = [(fit, claim.source) for claim in claims for fit in _fits(evidence, claim)]
    if known:
        return _best_explained(known)
    label = evidence.hints.label_size
    names_whole_file = label == Size(width, height)
    found: list[tuple[Fit, Source]] = [
        (fit, "found_size")
        for fit in free_fits(evidence.pixels, evidence.hints, is_lossy=evidence.is_lossy)
        if names_whole_file or area_agrees(label, fit.size)
    ]
    found = _best_explained(found)
    if names_whole_file and width % 8 == 0 and height % 8 == 0:
        # Pictures beyond the list of resolutions are named after the whole composite.
        regular = [(fit, source) for fit, source in found if fit.is_regular]
        whole = _fits(evidence, Claim(Size(width, height), "label_size"))
        if not regular and may_have_footer(evidence.pixels, is_lossy=evidence.is_lossy):
            return []
        return regular + [(fit, "label_size") for fit in whole]
    return found


def _fits(evidence: Evidence, claim: Claim) -> list[Fit]:
    fits = []
    for grid in width_to_grids(evidence.pixels.shape[1], claim.size.width_px):
        fit = fit_grid(evidence.pixels, grid, claim.size, is_lossy=evidence.is_lossy)
        if fit is not None:
            fits.append(fit)
    return fits


def _best_explained(readings: list[tuple[Fit, Source]]) -> list[tuple[Fit, Source]]:
    """Panels of one width explain more than an input of any width, a footer's text more than a
    dark band, and two separators more than one."""

    def rank(reading: tuple[Fit, Source]) -> tuple[bool, bool, int]:
        fit = reading[0]
        return fit.is_regular, fit.footer != "dark", len(fit.grid.greys) + len(fit.grid.whites)

    best = max(map(rank, readings), default=None)
    return [reading for reading in readings if rank(reading) == best]


def _cut(fit: Fit, source: Source, assigned: Assignment, evidence: Evidence) -> Cut:
    panels = tuple(
        PanelCut(role, box)
        for role, box in zip(assigned.roles, fit.boxes, strict=True)
        if role is not None
    )
    is_whole = fit.grid.kind == "single" and fit.footer is None
    shown = [("separator", bool(fit.grid.greys)), ("footer", fit.footer is not None)]
    parts = [source, *(name for name, is_there in shown if is_there), *assigned.witnesses]
    confidence = assigned.confidence
    if source == "found_size":
        confidence *= _FOUND_SIZE_FACTOR
    if fit.footer == "dark":
        confidence *= 0.98
    return Cut(
        panels=panels,
        method="whole" if is_whole else "+".join(parts),
        confidence=round(confidence, 3),
        notes=(*assigned.notes, *_notes(fit, evidence)),
    )


def _notes(fit: Fit, evidence: Evidence) -> list[str]:
    notes = []
    if evidence.is_overlaid(fit):
        notes.append("prompt_text_overlay")
    label = evidence.hints.label_size
    if label is not None and not is_label_size(label, fit.size):
        notes.append("label_size_wrong")
    return notes


def _size_text(evidence: Evidence) -> str:
    height, width = evidence.pixels.shape[:2]
    return f"a picture of {width} x {height}"


def _unexplained(evidence: Evidence) -> Refusal:
    label = evidence.hints.label_size
    name = "no size" if label is None else f"{label.width_px} x {label.height_px}"
    return Refusal(
        "size_unexplained",
        f"{_size_text(evidence)} is no arrangement of panels that its file name ({name}), the base "
        "picture or the config explain; keep benchmarks/base_model and the config beside the run, "
        "or ingest clean pictures as a plain folder.",
    )
