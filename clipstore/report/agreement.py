"""How often CLIP's choice between two pictures is people's: the legend of the page's limits.

Invariant: no figure is typed here. `reports/human_agreement.json` is written by
`benchmarks/human_agreement.py` from published ratings, and a test computes it anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from clipstore.resources import resource_folder


@dataclass(frozen=True)
class AgreementCase:
    """Pairs of pictures of one prompt that people rated differently."""

    case: str
    """Which pairs, in words."""
    n_pairs: int
    n_agree: int
    """Where the picture with the higher cosine is the one with the higher mean rating."""


@dataclass(frozen=True)
class HumanAgreement:
    """The published data and what it says."""

    n_prompts: int
    n_models: int
    clip_model: str
    source: str
    cases: tuple[AgreementCase, ...]


def human_agreement() -> HumanAgreement:
    """The figures that came with this clipstore."""
    file = resource_folder("reports") / "human_agreement.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    cases = tuple(AgreementCase(c["case"], c["n_pairs"], c["n_agree"]) for c in value["cases"])
    return HumanAgreement(
        value["n_prompts"], value["n_models"], value["clip_model"], value["source"], cases
    )
