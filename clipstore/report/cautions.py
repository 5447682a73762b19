"""What weakens a page, each one sentence: said before any number."""

from __future__ import annotations

from collections.abc import Sequence

from clipstore.report.data import ModelSection, PromptFacts

FEW_PROMPTS = 200
"""Below this the page warns: a mean over few prompts is mostly about which prompts they are."""


def cautions_of(sections: Sequence[ModelSection], facts: PromptFacts) -> tuple[str, ...]:
    said = []
    if len(sections) > 1:
        said.append(
            f"{len(sections)} CLIP models scored these runs. Their numbers do not compare, so each "
            "model has a section of its own."
        )
    counts = {v.run: v.n_prompts for s in sections for v in (row.verdict for row in s.rows)}
    few = [n_prompts for n_prompts in counts.values() if n_prompts < FEW_PROMPTS]
    if few:
        said.append(
            f"Fewer than {FEW_PROMPTS} prompts in {len(few)} of {len(counts)} runs (the fewest: "
            f"{min(few)}): such a mean says as much about the choice of prompts as about the model."
        )
    without_band = sum(1 for s in sections if s.model.band is None)
    if without_band:
        said.append(
            f"No band is known for {without_band} of {len(sections)} CLIP models: nothing can be "
            "called poor or in band there."
        )
    if facts.n_edited:
        said.append(
            f"Prompts whose text changed while their run was going on: {facts.n_edited}. The curve "
            "mixes both versions."
        )
    if facts.n_differing:
        said.append(
            f"Prompt ids that stand for different texts in different runs: {facts.n_differing}. "
            "The means of those runs do not compare."
        )
    return tuple(said)
