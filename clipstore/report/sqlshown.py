"""The SQL that stands beside each table of the page, as it lies in `sql/`.

Invariant: the text shown is the file's own, and a test runs it and compares its figures with the
printed ones; `clipstore sql` takes it as it is, its parameters being NULL there.
"""

from __future__ import annotations

from collections.abc import Mapping

from clipstore.storage.sqlfiles import Kind, read_statement

SHOWN: Mapping[str, Kind] = {
    "report_verdicts": "reads",
    "report_curves": "reads",
    "report_spread": "reads",
    "report_prompts": "reads",
    "worst_prompts": "queries",
    "best_prompts": "queries",
    "config_differences": "queries",
    "trainer_agreement": "queries",
    "report_coverage": "reads",
    "report_problem_counts": "reads",
    "refused_files": "queries",
    "edited_prompts": "queries",
    "truncated_prompts": "queries",
    "report_asking_prompts": "reads",
    "report_ingests": "reads",
}
"""Statement to the folder it lies in."""


def sql_texts() -> Mapping[str, str]:
    """By name."""
    return {name: read_statement(kind, name).strip() for name, kind in SHOWN.items()}
