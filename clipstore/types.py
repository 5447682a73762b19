"""The values that travel between modules, and the conventions they follow.

Invariant: every number here means one thing, said once.
- `cosine` is the raw cosine of two L2-normalised CLIP vectors, -1 to 1. SimpleTuner and
  torchmetrics log 100 * max(cosine, 0); that scale is always called `clip_x100` here.
- A `Box` is Pillow's: left, top, right, bottom in pixels, right and bottom exclusive.
- A `step` is the trainer's optimizer step as its file name says it; ranges of steps are inclusive.
  Of a trainer that names only epochs it is the epoch, and its pictures note `step_is_epoch`.
- A `panel` says whose picture it is: `checkpoint` the weights of this step, `ema` their moving
  average, `base` the model before training, `only` a file that holds one picture and says no more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

Panel = Literal["checkpoint", "base", "ema", "only"]


TRAINED_PANELS: tuple[Panel, ...] = ("checkpoint", "only")
"""The panels that show the weights being trained: the curve that verdicts are about."""


def content_id(*parts: str | bytes) -> int:
    """A 63-bit identity that is the same on every machine, so that stores merge without sequences.

    The parts are length-prefixed before hashing: ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return int.from_bytes(digest.digest()[:8], "little") >> 1


class Box(NamedTuple):
    """A rectangle of a picture, in pixels; right and bottom are exclusive, as in Pillow."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width_px(self) -> int:
        return self.right - self.left

    @property
    def height_px(self) -> int:
        return self.bottom - self.top


class Size(NamedTuple):
    """Width and height in pixels."""

    width_px: int
    height_px: int


@dataclass(frozen=True)
class Prompt:
    """One validation prompt of a run."""

    prompt_id: str
    """The trainer's short name for it; unique within a run."""
    text: str
    """Exactly what the text encoder was given. Empty for the unconditional prompt."""
    source: str
    """Where the text was found: a file name, or "--prompts FILE"."""
    tags: tuple[tuple[str, str], ...] = ()
    """(name, value) pairs such as ("category", "Animals"), as the prompt file had them."""

    @cached_property
    def text_id(self) -> int:
        """Identity of this version of the text: an edited prompt is another text."""
        return content_id(self.text)

    @property
    def is_blank(self) -> bool:
        """True for the unconditional prompt: stored, but part of no mean."""
        return not self.text.strip()


@dataclass(frozen=True, slots=True)  # there are many of them
class CompositeHints:
    """What a layout knows about a picture that may be several panels side by side.

    Nothing here is certain; the box finder weighs it against the pixels.
    """

    label_size: Size | None
    """The WxH in the file name. A hypothesis: trainers mislabel pictures."""
    panel_sizes: tuple[Size, ...] = ()
    """Further panel sizes to try: the config's resolutions, the base picture's own size."""
    base_picture: Path | None = None
    """The base model's clean picture of the same prompt, where the run has one."""
    base_folder_complete: bool = False
    """True when the run has a benchmark folder with pictures in it, so that a missing
    `base_picture` is evidence that this prompt was drawn without a base panel."""
    ema_comparison: bool | None = None
    """Config: an EMA panel is drawn to the right. None when the config does not say."""
    base_comparison: bool | None = None
    """Config: a base panel is drawn to the left. None when the config does not say."""
    input_stitching: bool | None = None
    """Config: the conditioning input is drawn to the left. None when the config does not say."""

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        # A dataclass with slots looks all its fields up again for every pickle.
        fields = (self.label_size, self.panel_sizes, self.base_picture, self.base_folder_complete)
        drawn = (self.ema_comparison, self.base_comparison, self.input_stitching)
        return CompositeHints, (*fields, *drawn)


class GridCell(NamedTuple):
    """One picture of a grid of equal ones without lines between, as torch's add_images joins."""

    place: int
    """Row by row, from 0."""
    n_columns: int
    n_rows: int


@dataclass(frozen=True, slots=True)  # there are many of them
class Picture:
    """One file that a layout recognised, before any pixel was read; or a picture in a log."""

    folder: Path
    """Where the file lies. One object for all files there: its path takes as much memory as all
    else here."""
    name: str
    """The file's own."""
    step: int
    prompt_id: str
    image_index: int
    """Which of several pictures of the same prompt at the same step, from 0."""
    panel: Panel
    """What the file shows if it is not a composite; for composites the trained panel."""
    epoch: int | None = None
    composite: CompositeHints | None = None
    """None when the layout knows the file to be one clean picture."""
    notes: tuple[str, ...] = ()
    cell: GridCell | None = None
    """The picture within a file that joins several; None where it is the whole file."""

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        # As of `CompositeHints`.
        place = (self.folder, self.name, self.step, self.prompt_id, self.image_index, self.panel)
        return Picture, (*place, self.epoch, self.composite, self.notes, self.cell)

    @property
    def path(self) -> Path:
        """The file's, or the address of a part of one (`addresses`); made anew each time."""
        return self.folder / self.name


@dataclass(frozen=True)
class PanelCut:
    """Where one panel lies in a picture."""

    panel: Panel
    box: Box


@dataclass(frozen=True)
class Cut:
    """How a picture was taken apart. Only panels to be scored are listed."""

    panels: tuple[PanelCut, ...]
    method: str
    """What decided it, for example "separator+base_picture"; "whole" for a clean picture."""
    confidence: float
    """0 to 1. Below `composites.MIN_CONFIDENCE` the finder refuses instead."""
    notes: tuple[str, ...] = ()
    """Facts that touch the score, for example "label_overlay", "prompt_text_overlay"."""


@dataclass(frozen=True, slots=True)  # there are many of them
class Problem:
    """A file that could not become a score, kept as data: stored, counted, listed."""

    path: Path
    stage: Literal["find", "name", "prompt", "read", "decode", "cut", "score"]
    reason: str
    """A short fixed code such as "truncated"; what counts are grouped by."""
    detail: str
    """One sentence: what is wrong with this file and what to do."""
    pending: bool = False
    """True when the file may still become readable: tried again at the next ingest."""
    picture: Picture | None = None
    """The picture as it was recognised, where only its prompt's text is missing."""


@dataclass(frozen=True, slots=True)  # there are many of them
class Skipped:
    """A file that a stated rule leaves alone."""

    folder: Path
    """As of a `Picture`, and so is the name."""
    name: str
    rule: str
    detail: str = ""
    """More than the rule says, for example which picture it is a copy of."""
    copy_of: Path | None = None
    """The picture that counts in its place, where the rule is that it is a copy."""

    @property
    def path(self) -> Path:
        """The file's; made anew each time."""
        return self.folder / self.name


@dataclass(frozen=True)
class Run:
    """One training run: the pictures of one set of weights as they were trained."""

    name: str
    """Unique within a store; the folder's path below the ingested root."""
    root: Path
    """The run's folder, absolute."""
    layout: str
    """The layout that read it, a module name of `clipstore.layouts`."""
    layout_reason: str
    """Why that layout claims the folder, for the user."""
    planned_steps: int | None = None
    """Optimizer steps the config asks for; None when unknown."""
    config: Mapping[str, object] = field(default_factory=dict)
    """The trainer's own settings as JSON values, unchanged but for leading dashes of keys."""
    variant: str = ""
    """Which adapter of several the pictures show; empty for ordinary runs."""

    @cached_property
    def run_id(self) -> int:
        return content_id(str(self.root), self.variant)


@dataclass(frozen=True)
class RunContents:
    """Everything a layout made of one run folder. Every file below the folder is in exactly one
    of `pictures`, `problems` and `skipped`."""

    run: Run
    pictures: tuple[Picture, ...]
    prompts: tuple[Prompt, ...]
    problems: tuple[Problem, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    advice: tuple[str, ...] = ()
    """Sentences for the user, for example which prompt ids lack a text and what to pass."""
