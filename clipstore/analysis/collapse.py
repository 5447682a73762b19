"""COLLAPSED: the run was much better, fell out of the band, and stays down.

Invariant: every one of the newest validations must lie under the peak by more than its own paired
error, for longer than dips last; one bad validation, or a dip that recovers, is no collapse.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clipstore.analysis.looks import Curve, Look, planned_looks
from clipstore.analysis.plateau import level_of_last
from clipstore.analysis.rules import Rules
from clipstore.analysis.series import Floats
from clipstore.analysis.uncertainty import Errors


def look_for_collapse(
    look: Look, curve: Curve, errors: Errors, z: float, low_cosine: float, rules: Rules
) -> Look:
    """`look` with the drop's numbers, and with the reason COLLAPSED where all of it holds.

    `z`: quantile for each newest validation against the peak, corrected for all looks.
    `low_cosine`: the band's lower edge; a run above it has not collapsed, whatever it lost.
    """
    mean, n_seen = curve.mean, len(curve.mean)
    looks = planned_looks(curve) or 1.5 * n_seen
    confirm = max(
        rules.collapse_min_validations,
        int(np.ceil(rules.collapse_share * looks)),
        int(np.ceil(1 + rules.dip_factor * _longest_recovered_dip(mean, rules))),
    )
    threes = np.convolve(mean, np.ones(3) / 3, mode="valid")  # entry i is the mean of i .. i + 2
    best = int(np.argmax(threes))
    under = mean[best + 3 :] <= threes[best] - rules.drop_cosine
    dropped = len(under) if under.all() else int(np.argmin(under[::-1]))
    look = replace(look, peak=float(threes[best]), peak_step=int(curve.steps[best + 1]))
    if dropped == 0:
        return look
    newest = mean[-min(dropped, confirm) :]
    look = replace(
        look,
        n_to_confirm=confirm,
        last_good_step=int(curve.steps[n_seen - dropped - 1]),
        n_dropped=dropped if newest.mean() < low_cosine else 0,
    )
    if dropped < confirm or look.n_dropped == 0:
        return look
    last = np.arange(n_seen - confirm, n_seen)
    contrast = np.zeros(n_seen)
    contrast[best : best + 3] = 1 / 3
    for at in last:
        contrast[at] = -1.0
        loss = threes[best] - mean[at]
        if loss <= z * np.sqrt(errors.variance(contrast)):
            return look
        contrast[at] = 0.0
    lowest = float(threes[best + 1 :].min()) if best + 1 < len(threes) else float(newest.min())
    regained = (mean[-2:].mean() - lowest) / (threes[best] - lowest)
    level, se, _ = level_of_last(mean, errors, confirm)
    limit = level + errors.quantile(0.99) * se
    if regained >= rules.regained_share or limit >= low_cosine:
        return look
    return replace(
        look, reason="COLLAPSED", blocker=None, level=level, n_window=confirm, limit=limit
    )


def _longest_recovered_dip(mean: Floats, rules: Rules) -> int:
    """Validations in the longest stay under half the drop below the best so far that ended."""
    if len(mean) < 4:
        return 0
    threes = np.convolve(mean, np.ones(3) / 3, mode="valid")
    best_before = np.maximum.accumulate(threes)[:-1]  # (T - 3,) known before validation t + 3
    under = mean[3:] < best_before - rules.drop_cosine / 2
    longest = length = 0
    for is_under in under:
        longest = longest if is_under else max(longest, length)
        length = length + 1 if is_under else 0
    return longest
