"""What the pictures' section shows, as values: computed before any markup exists.

Invariant: a picture is listed once in `Pictures` and called by its place there, however often it
is shown. Files are called by their path inside the run. Cosines are raw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstore.report.thumbnails import NoThumbnail, Thumbnail, thumbnail_bytes

TabKind = Literal["worst", "best", "improved", "regressed", "volatile", "random"]


@dataclass(frozen=True)
class PagePicture:
    """One scored panel."""

    image: Thumbnail | NoThumbnail
    smaller: Thumbnail | None
    """What to fall back to before the picture is left out; None when `image` is the small one."""
    path: str
    """Inside the run's folder."""
    width_px: int
    """Of the panel as it was scored."""
    height_px: int
    panel_file: str | None = None
    """Relative link to the whole panel, written beside the page; None unless asked for."""
    whole_file: str | None = None
    """Relative link to the trainer's own file, not cut; None unless asked for and there."""


@dataclass(frozen=True)
class Pictures:
    """Every picture of the page."""

    listed: tuple[PagePicture, ...] = ()
    """By number: what `Frame.picture` and `MiniStrip.pictures` point into."""
    by_worth: tuple[int, ...] = ()
    """The numbers, what the page would miss most first: the last ones give way to the size cap."""

    @property
    def n_bytes(self) -> int:
        """What they cost the page."""
        return sum(thumbnail_bytes(each.image) for each in self.listed)


@dataclass(frozen=True)
class Frame:
    """One picture of a prompt at a step."""

    step: int
    cosine: float
    """Of this one picture, not of the prompt's several."""
    picture: int


@dataclass(frozen=True)
class PromptText:
    """A prompt, shared by the cards of all runs that use this very text."""

    text_id: int
    short_id: str
    """Of the whole text, for the page's address."""
    text: str
    """Clipped; `n_characters` says how long it is."""
    n_characters: int
    is_truncated: bool
    """CLIP read only the beginning of the text."""
    asks_for_words: bool
    """The picture shall show written words, which CLIP reads as if they were the thing itself."""


@dataclass(frozen=True)
class PromptCard:
    """One prompt in one run, over the run's validations."""

    prompt_id: str
    prompt: PromptText
    steps: tuple[int, ...]
    """Validations with a score of this text, ascending."""
    cosines: tuple[float, ...]
    """At `steps`, each the mean over the prompt's pictures."""
    base_cosine: float | None
    n_images: int
    """Pictures of this prompt at the last step; the first one is shown."""
    base: Frame | None
    frames: tuple[Frame, ...]
    """At most `filmstrip.MAX_FRAMES`, ascending, the last step among them where its picture is
    known."""

    @property
    def cosine(self) -> float:
        return self.cosines[-1]

    @property
    def base_change(self) -> float | None:
        return None if self.base_cosine is None else self.cosine - self.base_cosine


@dataclass(frozen=True)
class CardTab:
    """Prompts chosen by one rule."""

    kind: TabKind
    cards: tuple[int, ...]
    """Places in `RunPrompts.cards`."""
    n_candidates: int
    """Prompts that the rule chose from."""


@dataclass(frozen=True)
class RunPrompts:
    """The cards of one run."""

    run: str
    step: int
    """The last validation."""
    is_to_act_on: bool
    """Its verdict asks a person to do something: to stop it, or to look at its pictures."""
    n_prompts: int
    """Prompts with a score there."""
    cards: tuple[PromptCard, ...]
    tabs: tuple[CardTab, ...]
    """Only those with a card."""

    def cards_of(self, kind: TabKind) -> tuple[PromptCard, ...]:
        return tuple(self.cards[i] for tab in self.tabs if tab.kind == kind for i in tab.cards)


@dataclass(frozen=True)
class SharedPrompts:
    """Prompts that are shown in every run that has them."""

    differing: tuple[int, ...]
    """`text_id` of those on which runs differ most, each run's own mean taken away first."""
    n_candidates: int
    """Texts that two runs or more have at their last validations."""


@dataclass(frozen=True)
class MiniStrip:
    """The three small pictures beside a run's verdict."""

    prompt: PromptText
    is_shared: bool
    """True for the prompt that all rows show, False where the run lacks it."""
    steps: tuple[int, ...]
    """First, middle, last; fewer when there are fewer."""
    is_peak: bool
    """The middle one is the step to roll back to, not the middle of the run."""
    pictures: tuple[int, ...]
