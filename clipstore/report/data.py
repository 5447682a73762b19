"""Everything the report page shows, as values: computed before any markup exists.

Invariant: nothing here names this machine. Files are called by their path inside the run, and
pictures are thumbnails already. Cosines are raw; None and NaN both mean "not known".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from clipstore.findings import Verdict
from clipstore.report.figures import RunCurve
from clipstore.report.thumbnails import NoThumbnail, Thumbnail
from clipstore.types import Band

SIZE_CAP_BYTES = 12_000_000
"""A page that mail servers still carry: attachments grow by a third on the way."""

RUN_STEP_COLUMNS = {
    "model": pl.String,
    "run": pl.String,
    "step": pl.Int64,
    "panel": pl.String,
    "n_prompts": pl.Int64,
    "n_images": pl.Int64,
    "mean": pl.Float64,
    "share_in_band": pl.Float64,
}
PROMPT_STEP_COLUMNS = {
    "model": pl.String,
    "run": pl.String,
    "step": pl.Int64,
    "panel": pl.String,
    "prompt_id": pl.String,
    "text_id": pl.Int64,
    "text": pl.String,
    "is_truncated": pl.Boolean,
    "asks_for_words": pl.Boolean,
    "cosine": pl.Float64,
}
PICTURE_COLUMNS = {
    "model": pl.String,
    "run": pl.String,
    "step": pl.Int64,
    "prompt_id": pl.String,
    "panel": pl.String,
    "image_index": pl.Int64,
    "path": pl.String,
    "left": pl.Int64,
    "top": pl.Int64,
    "right": pl.Int64,
    "bottom": pl.Int64,
    "cosine": pl.Float64,
}
PROBLEM_COLUMNS = {
    "path": pl.String,
    "stage": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "is_pending": pl.Boolean,
}
INGEST_COLUMNS = {
    "n_seen": pl.Int64,
    "n_scored": pl.Int64,
    "n_known": pl.Int64,
    "n_pending": pl.Int64,
    "n_refused": pl.Int64,
    "n_skipped": pl.Int64,
}
RUN_COLUMNS = {
    "run": pl.String,
    "root": pl.String,
    "layout": pl.String,
}
MODEL_COLUMNS = {
    "name": pl.String,
    "revision": pl.String,
    "weights_sha256": pl.String,
    "preprocessing": pl.String,
    "dtype": pl.String,
    "software": pl.String,
    "poor_below_cosine": pl.Float64,
    "low_cosine": pl.Float64,
    "high_cosine": pl.Float64,
}
DISAGREEMENT_COLUMNS = {
    "run": pl.String,
    "model_a": pl.String,
    "model_b": pl.String,
    "first_step": pl.Int64,
    "last_step": pl.Int64,
    "change_a": pl.Float64,
    "change_b": pl.Float64,
    "disagree": pl.Boolean,
}


@dataclass(frozen=True)
class ReportTables:
    """What the store says, as frames; the columns are those named above, more may be there.

    `model` is the label that also stands in `Verdict.model`, one for each `types.Model`.
    """

    run_step: pl.DataFrame
    """`RUN_STEP_COLUMNS`: one row per model, run, step and panel."""
    prompt_step: pl.DataFrame
    """`PROMPT_STEP_COLUMNS`: trained panels and `base`; `cosine` is the mean over the images."""
    pictures: pl.DataFrame
    """`PICTURE_COLUMNS`: one row per scored panel of a file; `path` absolute, the box in pixels."""
    problems: pl.DataFrame
    """`PROBLEM_COLUMNS`: files that are not scores now."""
    ingests: pl.DataFrame
    """`INGEST_COLUMNS`: one row per ingest, the latest last."""
    runs: pl.DataFrame
    """`RUN_COLUMNS`: one row per run; `root` is its absolute folder."""
    models: pl.DataFrame
    """`MODEL_COLUMNS`: the three band columns are null where no band is known."""
    disagreements: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=DISAGREEMENT_COLUMNS)
    )
    """`DISAGREEMENT_COLUMNS`: one row per run and pair of models; empty with one model."""


@dataclass(frozen=True)
class ModelCard:
    """Which scorer the numbers below it come from."""

    name: str
    revision: str
    weights_sha256: str
    preprocessing: str
    dtype: str
    software: str
    band: Band | None


@dataclass(frozen=True)
class RunRow:
    """One run's line of the verdict table."""

    verdict: Verdict
    share_in_band: float | None
    """Share of prompts at the last validation whose cosine lies in the band, 0 to 1."""
    last_step: int | None
    curve: RunCurve


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


@dataclass(frozen=True)
class ModelSection:
    """All that was scored by one model. Sections never share a table, a chart or an axis."""

    model: ModelCard
    rows: tuple[RunRow, ...]
    """Most actionable first; inside "in band" by name, because CLIP cannot rank those."""
    base_cosine: float | None
    """The base model's mean where all runs agree on it, else None."""
    prompts: tuple[RunPrompts, ...]
    """In the order of `rows`."""


@dataclass(frozen=True)
class ProblemFile:
    """One file that has no score."""

    path: str
    """Inside its run, or the bare name where it is in none."""
    detail: str


@dataclass(frozen=True)
class ProblemGroup:
    """Files without a score for the same reason."""

    reason: str
    stage: str
    is_pending: bool
    n_files: int
    files: tuple[ProblemFile, ...]
    """The first by path; `n_files` counts all."""


@dataclass(frozen=True)
class PromptFacts:
    """What is to be known about the prompts before trusting the means."""

    n_texts: int
    """Distinct texts of all runs, blank ones apart."""
    n_truncated: int
    truncated: tuple[str, ...]
    """The first of them, clipped."""
    n_edited: int
    """(run, prompt id) pairs whose text changed between steps of the run."""
    n_differing: int
    """Prompt ids that mean different texts in different runs."""


@dataclass(frozen=True)
class Counts:
    """Pictures by what became of them."""

    n_scored: int
    """Pictures of the trained weights with a score."""
    n_other_panels: int
    """Panels of the base model and of the moving average with a score."""
    n_pending: int
    n_refused: int
    n_ingests: int
    last_ingest: tuple[tuple[str, int], ...]
    """(state, files) of the latest ingest."""

    @property
    def n_seen(self) -> int:
        return self.n_scored + self.n_pending + self.n_refused


@dataclass(frozen=True)
class ReportData:
    """The whole page."""

    generated_at: datetime
    version: str
    """clipstore's own."""
    sections: tuple[ModelSection, ...]
    counts: Counts
    problems: tuple[ProblemGroup, ...]
    prompts: PromptFacts
    cautions: tuple[str, ...]
    """What weakens this page, each one sentence; empty when nothing does."""
    size_cap_bytes: int
    verdicts: tuple[Verdict, ...]
    """In the page's order, for the machine-readable block."""
