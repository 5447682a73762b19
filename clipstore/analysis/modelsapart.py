"""The runs that nothing compares, because no common model scored them.

Invariant: scores of two models, pixel paths or arithmetics are never set side by side; what was
asked for and cannot be answered is said instead of left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from clipstore.comparisons import Comparison, ModelsApart


def models_apart(comparisons: Sequence[Comparison]) -> tuple[ModelsApart, ...]:
    """The runs of every two models that share no run: nothing compares them."""
    found = []
    for a, b in combinations(comparisons, 2):
        in_a, in_b = ({run.run for run in each.runs} for each in (a, b))
        if in_a - in_b and in_b - in_a:
            same = a.model.split(" (")[0] == b.model.split(" (")[0]
            what = "another pixel path, arithmetic or weights" if same else "another model"
            found.append(
                ModelsApart(
                    model_a=a.model,
                    model_b=b.model,
                    runs_a=tuple(sorted(in_a - in_b)),
                    runs_b=tuple(sorted(in_b - in_a)),
                    reason=f"scored by {a.model} and by {b.model}: {what}, whose scores do not mix",
                )
            )
    return tuple(found)
