"""What the page says where two models disagree about a run.

Invariant: which runs those are is decided by `sql/queries/model_disagreement.sql` alone; here it is
only put into words.
"""

from __future__ import annotations

import polars as pl

from clipstore.report.numbertext import cosine_to_text

MAX_SENTENCES = 3
"""The query lists the rest."""


def disagreements_to_sentences(disagreements: pl.DataFrame) -> tuple[str, ...]:
    """One sentence for each of the first, and one for how many more there are.

    `disagreements` has `tables.DISAGREEMENT_COLUMNS`.
    """
    found = disagreements.filter(pl.col("disagree"))
    said = [
        f"Two models disagree about {row['run']} from step {row['first_step']} to "
        f"{row['last_step']}: {row['model_a']} sees its pictures go {_direction(row['change_a'])}, "
        f"{row['model_b']} {_direction(row['change_b'])}. Look at them."
        for row in found.head(MAX_SENTENCES).iter_rows(named=True)
    ]
    if found.height > MAX_SENTENCES:
        said.append(
            f"Models disagree in {found.height - MAX_SENTENCES} more cases: "
            "clipstore query model_disagreement."
        )
    return tuple(said)


def _direction(change: float) -> str:
    return f"{'up' if change > 0 else 'down'} by {cosine_to_text(abs(change))}"
