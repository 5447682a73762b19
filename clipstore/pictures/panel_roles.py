"""Whose picture each panel of a fitted composite shows.

Invariant: a role needs a witness. The witnesses, strongest first: the words drawn into the panels,
the base model's own picture, the arrangement itself, the absence of a base picture from a complete
folder, the config. Witnesses that contradict each other make a refusal, not a majority. One rule
per arrangement, each with the versions of SimpleTuner that drew it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from clipstore.pictures.drawn_text import OLD_LETTER_HEIGHT_PX, Label
from clipstore.pictures.evidence import Evidence
from clipstore.pictures.panel_grid import Fit, Kind
from clipstore.types import Panel

Roles = tuple[Panel | None, ...]
"""One per panel of a `Fit`, in order; None for a conditioning input, which is never scored."""

INPUT_CHECKPOINT: Roles = (None, "checkpoint")
BASE_CHECKPOINT: Roles = ("base", "checkpoint")
CHECKPOINT_BASE: Roles = ("checkpoint", "base")
CHECKPOINT_EMA: Roles = ("checkpoint", "ema")
_UNREAD = (None, "unknown")
_OF_BASES = ("base", *_UNREAD)
_OF_CHECKPOINTS = ("step", "checkpoint", "output", *_UNREAD)
_LABEL_REACH_PX = 215
"""A longer label is not drawn; one wider than its panel runs on into the next."""


class Refusal(NamedTuple):
    """Why a picture is not cut."""

    reason: str
    """A short fixed code; what counts are grouped by."""
    detail: str
    """One sentence: what is wrong, and what to do."""


class Assignment(NamedTuple):
    """Whose the panels are, what says so, and how sure that is."""

    roles: Roles
    witnesses: tuple[str, ...]
    confidence: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A fit with the labels of its panels, in their order."""

    fit: Fit
    evidence: Evidence
    labels: tuple[Label | None, ...]

    @property
    def words(self) -> tuple[str | None, ...]:
        """What the labels say; None where there is none, "unknown" for what is no known word."""
        return tuple(None if label is None else label.word for label in self.labels)

    def is_base(self, panel: int) -> bool | None:
        """Whether a panel shows the base picture; None when that cannot be told."""
        return self.evidence.is_base(self.fit.boxes[panel])

    def base_at(self, panel: int) -> Panel | None:
        """The base role for a panel that is known to have it."""
        return "base" if self.words[panel] == "base" or self.is_base(panel) else None


def assign_roles(fit: Fit, evidence: Evidence) -> Assignment | Refusal:
    """Whose pictures the panels of a fit show, or why that cannot be said."""
    if fit.grid.kind == "single":
        return Assignment(("checkpoint",), (), 0.99)
    reading = Reading(fit, evidence, tuple(map(evidence.label, fit.boxes)))
    found = _RULES[fit.grid.kind](reading)
    if isinstance(found, Refusal):
        return found
    reaches = fit.size.width_px < _LABEL_REACH_PX and any(reading.labels)
    if reading.labels[found.roles.index("checkpoint")] is not None or reaches:
        return found._replace(notes=(*found.notes, "label_overlay"))
    return found


def _contradiction(what: str) -> Refusal:
    return Refusal(
        "contradicting_evidence",
        f"{what}; check that benchmarks/base_model belongs to this run, or leave the file out.",
    )


def _undecided(what: str) -> Refusal:
    return Refusal(
        "ambiguous_panels",
        f"{what}; keep benchmarks/base_model and the config beside the run and ingest again.",
    )


def _side_by_side(reading: Reading) -> Assignment | Refusal:
    """[checkpoint | conditioning input] of v2.0 and earlier: no footer, no overlay, no words."""
    if reading.fit.footer is not None or reading.evidence.is_overlaid(reading.fit):
        return _undecided("two panels without a separator, but with text of a later version")
    return Assignment(("checkpoint", None), ("structure",), 0.85)


def _pair_padded(reading: Reading) -> Assignment | Refusal:
    """[base | checkpoint] or [checkpoint | EMA], both 2w + 6 wide since v2.1."""
    left, right = reading.words
    base_left, base_right = reading.is_base(0), reading.is_base(1)
    says_ema = right == "ema" or left == "step"
    says_base = left == "base" or right in ("step", "checkpoint")
    if (says_ema and says_base) or {"input", "output"} & {left, right}:
        return _contradiction("the labels drawn into the panels do not fit each other")
    if base_right and not base_left:
        return _contradiction("the base model's picture is where the trained one should be")
    if says_ema:
        return Assignment(CHECKPOINT_EMA, ("labels",), 0.98)
    if base_left:
        witnesses = ("labels", "base_picture") if says_base else ("base_picture",)
        return Assignment(BASE_CHECKPOINT, witnesses, 0.99 if not base_right else 0.9)
    if says_base:
        return Assignment(BASE_CHECKPOINT, ("labels",), 0.97)
    return _base_or_ema_by_files(reading.evidence, base_differs=base_left is False)


def _base_or_ema_by_files(evidence: Evidence, *, base_differs: bool) -> Assignment | Refusal:
    """What the folder and the config say when the picture does not.

    With both panels switched on there would be three; two then mean that the base picture of this
    prompt was missing.
    """
    has_ema, has_base = evidence.hints.ema_comparison, evidence.hints.base_comparison
    no_base = evidence.base_is_absent or has_base is False
    if has_ema is False or (has_ema is None and has_base is True):
        if not no_base and not base_differs:
            return Assignment(BASE_CHECKPOINT, ("config",), 0.8)
        return _contradiction("the config and the base pictures rule out both readings")
    if no_base or (has_ema is True and base_differs):
        found = (("base_absent", evidence.base_is_absent), ("config", has_ema or has_base is False))
        witnesses = tuple(name for name, holds in found if holds)
        return Assignment(CHECKPOINT_EMA, witnesses, 0.9 if len(witnesses) > 1 else 0.8)
    return _undecided("nothing says whether this is base and checkpoint or checkpoint and EMA")


def _pair(reading: Reading) -> Assignment | Refusal:
    """One separator, nothing added: the trained panel is at the right, but for v2.0.1."""
    if len(reading.fit.boxes) == 1:  # the input has another width
        if reading.words[0] in ("ema", "base", "input"):
            return _contradiction(f'the right panel is labelled "{reading.words[0]}"')
        return Assignment(("checkpoint",), ("structure",), 0.96)
    if reading.fit.footer is None:
        return _pair_without_footer(reading)
    left, right = reading.words
    if left in ("base", "checkpoint", "step") or right in ("ema", "base", "input"):
        return _contradiction("the labels do not fit an input beside a checkpoint")
    return Assignment(INPUT_CHECKPOINT, ("structure",), 0.97)


def _pair_without_footer(reading: Reading) -> Assignment | Refusal:
    """Versions before v3.1.3: an input, a base panel on either side, or (v2.0.1) an EMA panel."""
    left, right = reading.words
    if right == "ema":
        return Assignment(CHECKPOINT_EMA, ("labels",), 0.95)
    if left == "input" or right in ("output", "step"):
        return Assignment(INPUT_CHECKPOINT, ("labels",), 0.97)
    if _is_control(reading):
        return Assignment(INPUT_CHECKPOINT, ("structure",), 0.85)
    return _base_order(reading)


def _is_control(reading: Reading) -> bool:
    """Control pictures are the only ones without labels, from v2.0.1 on with the prompt over them;
    no base picture is among them. In a low picture the prompt may have hidden the labels."""
    left, right = reading.words[:2]
    evidence, fit = reading.evidence, reading.fit
    is_unlabelled = left is None and right is None and evidence.label_rows_are_clear(fit)
    return is_unlabelled and evidence.is_overlaid(fit)


def _base_order(reading: Reading) -> Assignment | Refusal:
    """[base | checkpoint] up to v2.0, the reverse in v2.0.1, whose labels name the wrong panels."""
    base_left, base_right = reading.is_base(0), reading.is_base(1)
    if base_left and not base_right:
        return Assignment(BASE_CHECKPOINT, ("base_picture",), 0.98)
    if base_right and not base_left and any(reading.labels[:2]):
        return Assignment(CHECKPOINT_BASE, ("base_picture",), 0.97, ("swapped_panels",))
    named = [one for one in reading.labels[:2] if one and one.word in ("base", "checkpoint")]
    if not (named and reading.evidence.label_rows_are_clear(reading.fit)):
        if base_left and base_right:
            return Assignment(BASE_CHECKPOINT, ("base_picture",), 0.8)
        return _undecided("nothing says which of the two panels shows the checkpoint")
    # v2.0 and earlier set the words in 36 px, v2.0.1 in 28 px; both fall back to the tiny font,
    # and then only v2.0.1 drew the prompt as well.
    height = max(label.letter_height_px for label in named)
    is_tiny_v201 = height == 0 and reading.evidence.is_overlaid_tiny(reading.fit)
    if 0 < height <= OLD_LETTER_HEIGHT_PX or is_tiny_v201:
        return Assignment(CHECKPOINT_BASE, ("labels",), 0.85, ("swapped_panels",))
    return Assignment(BASE_CHECKPOINT, ("labels",), 0.85)


def _triple(reading: Reading) -> Assignment | Refusal:
    """[input | base | checkpoint] or [input | input | checkpoint]; rarely with an EMA panel, when
    the widths happen to need no padding."""
    middle, right = len(reading.fit.boxes) - 2, len(reading.fit.boxes) - 1
    inputs: Roles = (None,) * middle
    word = reading.words[right]
    base = reading.base_at(middle)
    may_be_ema = reading.evidence.pixels.shape[1] % 16 == 0
    if word in ("base", "input") or (reading.is_base(right) and not reading.is_base(middle)):
        return _contradiction("the right panel is not where a checkpoint should be")
    if word == "ema":
        if base is not None or not may_be_ema:
            return _contradiction("an EMA label in a picture too narrow for it")
        return Assignment((*inputs, "checkpoint", "ema"), ("labels",), 0.9)
    if may_be_ema and word in _UNREAD and base is None:
        return _undecided("nothing says whether the right panel is the checkpoint or the EMA")
    witnesses = ("structure", "base_picture") if reading.is_base(middle) else ("structure",)
    return Assignment((*inputs, base, "checkpoint"), witnesses, 0.97)


def _triple_white(reading: Reading) -> Assignment | Refusal:
    """EMA comparison of v1.2 to v2.0.1, whose second separator was left white."""
    left, middle, right = reading.words
    if reading.fit.footer is not None or right not in ("ema", *_UNREAD):
        return _contradiction("a white separator, but not of the version that drew them")
    if left == "input" or middle == "output":
        return Assignment((None, "checkpoint", "ema"), ("labels",), 0.9)
    if right == "ema" and _is_control(reading):
        return Assignment((None, "checkpoint", "ema"), ("labels",), 0.85)
    order = _base_order(reading)
    return order if isinstance(order, Refusal) else order._replace(roles=(*order.roles, "ema"))


def _triple_padded(reading: Reading) -> Assignment | Refusal:
    """[input | checkpoint | EMA] since v2.1."""
    return _ends_with_ema(("checkpoint", "ema"), reading)


def _base_ema(reading: Reading) -> Assignment | Refusal:
    """[base | checkpoint | EMA] since v2.1."""
    if (reading.is_base(1) and not reading.is_base(0)) or reading.words[0] not in _OF_BASES:
        return _contradiction("the left panel is not the base model's")
    found = _ends_with_ema(("base", "checkpoint", "ema"), reading)
    if reading.is_base(0) and isinstance(found, Assignment):
        return found._replace(witnesses=("structure", "base_picture"), confidence=0.99)
    return found


def _quad(reading: Reading) -> Assignment | Refusal:
    """[input | base | checkpoint | EMA], or two inputs, since v2.0.1."""
    return _ends_with_ema((reading.base_at(0), "checkpoint", "ema"), reading)


def _ends_with_ema(roles: Roles, reading: Reading) -> Assignment | Refusal:
    *_, checkpoint, ema = reading.words
    if ema not in ("ema", *_UNREAD) or checkpoint not in _OF_CHECKPOINTS:
        return _contradiction("the labels do not fit a checkpoint beside its EMA")
    return Assignment(roles, ("structure",), 0.97)


_RULES: Mapping[Kind, Callable[[Reading], Assignment | Refusal]] = {
    "side_by_side": _side_by_side,
    "pair": _pair,
    "pair_padded": _pair_padded,
    "triple": _triple,
    "triple_white": _triple_white,
    "triple_padded": _triple_padded,
    "base_ema": _base_ema,
    "quad_padded": _quad,
    "quad_white": _quad,
}
