"""The trainer's own clip/mean beside ours, for the page: how far they part, and why most likely.

Invariant: nothing is concluded here: the cause is the view's (`sql/views/clip_agreement.sql`), and
a run whose log has no clip/mean is not in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

CAUSES: Mapping[str, str] = {
    "agrees": "They agree: within 0.005, which the arithmetic and the step label drawn on the "
    "pictures explain.",
    "other_model": "The trainer scored with another CLIP model. Scores of two models are not "
    "comparable.",
    "blank_prompt_missing": "The trainer's mean has the blank prompt in it, whose picture has no "
    "score here; it pulls the mean down.",
    "trainer_scored_composites": "By its time the log is of SimpleTuner 1.2 to 2.0, which scored "
    "the base and the checkpoint joined in one picture. Ours is the checkpoint's alone.",
    "text_on_pictures": "This version of SimpleTuner drew the prompt on the pictures, and may have "
    "scored them with it.",
    "long_prompts": "Some prompts are longer than CLIP reads. torchmetrics, which the trainer "
    "uses, takes such a text's vector at another place than CLIP does.",
    "unknown": "No cause that is known here. See whether pictures were deleted or edited, and "
    "which model the trainer scored with.",
}
"""What the view's codes mean."""


@dataclass(frozen=True)
class TrainerAgreement:
    """One run under one model."""

    run: str
    model: str
    """The CLIP model that scored here."""
    n_validations: int
    """Those that the log has a clip/mean for."""
    mean_difference: float
    """The trainer's clip/mean minus ours, as cosine, both computed the trainer's way."""
    largest_difference: float
    """The largest of a single validation, without its sign."""
    cause: str
    """A sentence or two."""
    agrees: bool
    trainer_model: str | None
    """As the run's settings say."""


def to_trainer_agreement(found: pl.DataFrame, runs: Sequence[str]) -> tuple[TrainerAgreement, ...]:
    """`found`: `tables.TRAINER_AGREEMENT_COLUMNS`. In the order of `runs`; others are left out."""
    place = {run: number for number, run in enumerate(runs)}
    rows = [
        TrainerAgreement(
            run=row["run"],
            model=row["model"],
            n_validations=row["n_validations"],
            mean_difference=row["mean_difference"],
            largest_difference=row["largest_difference"],
            cause=CAUSES.get(row["likely_cause"], row["likely_cause"]),
            agrees=row["likely_cause"] == "agrees",
            trainer_model=row["trainer_model"],
        )
        for row in found.iter_rows(named=True)
        if row["run"] in place
    ]
    return tuple(sorted(rows, key=lambda row: (place[row.run], row.model)))
