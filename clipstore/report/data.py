"""Everything the report page shows, as values: computed before any markup exists.

Invariant: nothing here names this machine. Files are called by their path inside the run, and
pictures are thumbnails already. Cosines are raw; None and NaN both mean "not known".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from clipstore.comparisons import BASE, Comparison
from clipstore.findings import Label, Verdict
from clipstore.modelidentity import Band
from clipstore.report.agreement import HumanAgreement
from clipstore.report.carddata import MiniStrip, Pictures, RunPrompts, SharedPrompts
from clipstore.report.clipagreement import TrainerAgreement
from clipstore.report.configtable import ConfigTable
from clipstore.report.coverage import Coverage
from clipstore.report.promptchanges import PromptChange
from clipstore.report.quantiles import StepSpread
from clipstore.report.runcurve import RunCurve
from clipstore.report.scorecube import ScoreCube

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
    id: str
    """Short id of the run's name."""
    share_in_band: float | None
    """Share of prompts at the last validation whose cosine lies in the band, 0 to 1."""
    last_step: int | None
    curve: RunCurve
    changes: tuple[PromptChange, ...]
    """Where its prompts changed and the curve breaks."""
    spreads: tuple[StepSpread, ...]
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
    """In the order of `rows`, the first of them."""
    n_runs_with_cards: int
    """Those whose cards the page does without counted."""
    comparison: Comparison | None
    """The runs with each other, each over its flat end; None where they were not compared."""
    against_base: Comparison | None
    """Each run with its own base model's pictures; None as above."""
    cube: ScoreCube
    coverage: Coverage
    shared: SharedPrompts | None = None
    """None with a single run."""
    rows_left_out: Mapping[Label, int] = field(default_factory=dict)
    """Runs that the page has no room for, by verdict; they come after `rows`."""

    @property
    def n_runs(self) -> int:
        """Those left out counted."""
        return len(self.rows) + sum(self.rows_left_out.values())

    @property
    def pictures(self) -> frozenset[int]:
        """Numbers of those on its cards and beside its verdicts."""
        on_cards = {
            frame.picture
            for run in self.prompts
            for card in run.cards
            for frame in (*card.frames, *([] if card.base is None else [card.base]))
        }
        strips = (row.strip for row in self.rows if row.strip is not None)
        return frozenset(on_cards.union(*(strip.pictures for strip in strips)))

    def of_first(self, n_rows: int) -> ModelSection:
        """Without the runs after these. What is said of all runs together stays as it is."""
        kept = {row.verdict.run for row in self.rows[:n_rows]}
        left_out = Counter(row.verdict.verdict for row in self.rows[n_rows:])
        return replace(
            self,
            rows=self.rows[:n_rows],
            rows_left_out=left_out + Counter(self.rows_left_out),
            prompts=tuple(run for run in self.prompts if run.run in kept),
            comparison=_among(self.comparison, kept),
            against_base=_among(self.against_base, kept),
            cube=self.cube.of_first(n_rows),
        )


def _among(comparison: Comparison | None, runs: Collection[str]) -> Comparison | None:
    """Its pairs of these runs alone, told as they were compared with all."""
    if comparison is None:
        return None
    names = {*runs, BASE}
    pairs = (pair for pair in comparison.pairs if {pair.run_a, pair.run_b} <= names)
    return replace(comparison, pairs=tuple(pairs))


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
class PromptVersion:
    """One text that a prompt id of a run stood for, where it stood for several."""

    run: str
    prompt_id: str
    text: str
    """Clipped."""
    first_step: int
    last_step: int


@dataclass(frozen=True)
class PromptFacts:
    """What is to be known about the prompts before trusting the means."""

    n_texts: int
    """Distinct texts of all runs, blank ones apart."""
    n_truncated: int
    truncated: tuple[str, ...]
    """The first of them, clipped."""
    n_asking: int
    """Texts that ask for written words."""
    asking: tuple[str, ...]
    """The first of them, clipped."""
    n_edited: int
    """(run, prompt id) pairs whose text changed between steps of the run."""
    versions: tuple[PromptVersion, ...]
    """Of the first of those pairs."""
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
    config: ConfigTable
    """Rows in the order of `config_rows`."""
    config_rows: tuple[RunRow, ...]
    """The runs of the first model that has each, in the page's order."""
    not_compared: str | None
    """Why the runs were not compared with each other; None where they were."""
    selection: str | None
    """Which runs were asked for; None for all."""
    sql_values: Mapping[str, str | None]
    """Of the parameters of the SQL that the page shows; those that are missing are NULL."""
    not_in_sql: str | None
    """Why the SQL does not give this page's verdicts and comparisons; None where it does."""
    agreement: HumanAgreement
    trainer_agreement: tuple[TrainerAgreement, ...]
    """Runs whose log has the trainer's own clip/mean, in the page's order."""
    size_cap_bytes: int
    pictures: Pictures
    verdicts: tuple[Verdict, ...]
    """Of all runs, in the page's order."""

    @property
    def runs_on_page(self) -> frozenset[str]:
        """Those that no section leaves out."""
        return frozenset(row.verdict.run for section in self.sections for row in section.rows)

    @property
    def n_rows(self) -> int:
        """Of the longest table."""
        return max((len(section.rows) for section in self.sections), default=0)

    def of_first(self, n_rows: int) -> ReportData:
        """Each model's table without the runs after these."""
        return replace(self, sections=tuple(each.of_first(n_rows) for each in self.sections))
