"""When a rising run could be in the band at the soonest.

Invariant: the steepest rise that fits is carried straight on, so the answer errs towards hope: a
run that misses the band by this reckoning misses it by any.
"""

from __future__ import annotations

import math

from clipstore.analysis.analysed import AnalysedRun


def soonest_band_step(run: AnalysedRun) -> int | None:
    """The step at which the upper end of the trend reaches the band's edge; None without a band,
    a trend or a rise."""
    high, horizon = run.fit.plateau.drift_high, run.fit.plateau.horizon_steps
    if run.band is None or high is None or high <= 0 or not horizon:
        return None
    last = float(run.series.mean[run.series.usable][-1])
    missing = max(run.band.low_cosine - last, 0.0)
    return int(run.series.steps[-1]) + math.ceil(missing / high * horizon)


def misses_the_band(run: AnalysedRun, planned_steps: int | None) -> bool:
    """True when even that is after the planned end; False where nothing is planned."""
    soonest = soonest_band_step(run)
    if planned_steps is None or soonest is None:
        return False
    return soonest > max(planned_steps, int(run.series.steps[-1]))


def is_too_slow(run: AnalysedRun, planned_steps: int | None) -> bool:
    """Rising, but late in the plan and out of reach of the band within it. Earlier a slow rise is
    no news: runs bloom."""
    if planned_steps is None or run.fit.plateau.status != "rising":
        return False
    is_late = run.series.steps[-1] >= run.rules.patience_share * planned_steps
    return bool(is_late) and misses_the_band(run, planned_steps)
