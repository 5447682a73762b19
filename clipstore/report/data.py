"""Everything the report page shows, as values: computed before any markup exists.

Invariant: nothing here names this machine. Files are called by their path inside the run, and
pictures are thumbnails already. Cosines are raw; None and NaN both mean "not known".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clipstore.findings import Verdict
from clipstore.report.carddata import MiniStrip, Pictures, RunPrompts, SharedPrompts
from clipstore.report.figures import RunCurve
from clipstore.types import Band

SIZE_CAP_BYTES = 12_000_000
"""A page that mail servers still carry: attachments grow by a third on the way."""


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
    strip: MiniStrip | None = None
    """None when no picture of the run is known."""


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
    shared: SharedPrompts | None = None
    """None with a single run."""


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
    pictures: Pictures
    verdicts: tuple[Verdict, ...]
    """In the page's order, for the machine-readable block."""
