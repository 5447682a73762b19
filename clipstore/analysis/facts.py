"""All that is known of a run when its sentences are written: values, no words."""

from __future__ import annotations

from dataclasses import dataclass

from clipstore.analysis.abandon import Replay
from clipstore.analysis.cases import Case
from clipstore.analysis.looks import Look
from clipstore.analysis.plateau import PlateauFit
from clipstore.analysis.rules import Rules
from clipstore.findings import Abandon, BaseComparison
from clipstore.modelidentity import Band


@dataclass(frozen=True)
class Facts:
    """All that a sentence may speak of."""

    case: Case
    fit: PlateauFit
    replay: Replay | None
    abandon: Abandon
    base: BaseComparison | None
    n_prompts: int
    """Prompts of the panel."""
    n_validations: int
    """Validations that count."""
    lost_at_end: int
    mixed_up_steps: tuple[int, ...]
    """Validations left out because their scores lost the pattern of the prompts."""
    first_step: int | None
    last_step: int | None
    planned_steps: int | None
    soonest_band_step: int | None
    """Where the upper end of the trend reaches the band; None without a band or a rise."""
    band: Band | None
    notes: tuple[str, ...]
    rules: Rules

    @property
    def plan_is_done(self) -> bool:
        """True when the last validation is at the planned end or beyond."""
        known = self.planned_steps is not None and self.last_step is not None
        return known and (self.last_step or 0) >= (self.planned_steps or 0)

    @property
    def look(self) -> Look:
        """The look to tell of: the newest, unless only an earlier one flagged the run."""
        if self.replay is None:
            raise ValueError("a run without validations has no look")
        last, standing = self.replay.last, self.replay.standing
        return last if standing is None or last.reason == standing.reason else standing
