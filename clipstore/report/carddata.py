"""What the pictures' section shows, as values: computed before any markup exists.

Invariant: pictures are thumbnails already and files are called by their path inside the run.
"""

from __future__ import annotations

from dataclasses import dataclass

from clipstore.report.thumbnails import NoThumbnail, Thumbnail


@dataclass(frozen=True)
class CardPicture:
    """One picture of a prompt card."""

    step: int
    cosine: float
    """Of this one picture's panel."""
    path: str
    """Inside the run's folder."""
    picture: Thumbnail | NoThumbnail


@dataclass(frozen=True)
class PromptCard:
    """One prompt of a run at its last validation, beside the base model's picture."""

    prompt_id: str
    text: str
    """Clipped; `n_characters` says how long it is."""
    n_characters: int
    is_truncated: bool
    """CLIP read only the beginning of the text."""
    asks_for_words: bool
    """The picture shall show written words, which CLIP reads as if they were the thing itself."""
    cosine: float
    """Mean over the prompt's pictures at this step."""
    base_cosine: float | None
    n_images: int
    """Pictures of this prompt at this step; the first one is shown."""
    trained: CardPicture | None
    base: CardPicture | None


@dataclass(frozen=True)
class RunPrompts:
    """The prompts with the lowest and highest cosine of one run."""

    run: str
    step: int
    n_prompts: int
    lowest: tuple[PromptCard, ...]
    highest: tuple[PromptCard, ...]
