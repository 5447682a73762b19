"""One run under one model with all that judging and comparing it rests on."""

from __future__ import annotations

from dataclasses import dataclass

from clipstore.analysis.clean import Series, series_from_scores
from clipstore.analysis.plateau import PlateauFit, plateau_from_series
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import RunScores
from clipstore.analysis.uncertainty import Errors, errors_from_series
from clipstore.modelidentity import Band


@dataclass(frozen=True)
class AnalysedRun:
    """Scores, their curve, its errors and its plateau."""

    scores: RunScores
    series: Series
    errors: Errors
    fit: PlateauFit
    band: Band | None
    rules: Rules
    """On the scale of the model that scored."""

    @property
    def prompts(self) -> frozenset[int]:
        """The numbers of the panel's prompts."""
        return frozenset(self.scores.prompts[self.series.columns].tolist())


def analyse_run(scores: RunScores, band: Band | None, rules: Rules) -> AnalysedRun:
    """Curve, errors and plateau of a run; `rules` already on the model's scale."""
    series = series_from_scores(scores, rules)
    errors = errors_from_series(series, rules)
    fit = plateau_from_series(series, errors, band, rules)
    return AnalysedRun(scores, series, errors, fit, band, rules)
