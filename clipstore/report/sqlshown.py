"""The SQL that stands beside each table and chart of the page, as it lies in `sql/`.

Invariant: the text shown is the file's own with values for its parameters, so that any DuckDB
client runs it as it stands; tests run it and compare its figures with the printed ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clipstore.storage.sqlfiles import Kind, read_statement

SHOWN: Mapping[str, Kind] = {
    "report_verdicts": "reads",
    "report_curves": "reads",
    "report_step_times": "reads",
    "report_prompt_changes": "reads",
    "report_differences": "reads",
    "report_spread": "reads",
    "report_prompts": "reads",
    "report_picture_scores": "reads",
    "worst_prompts": "queries",
    "best_prompts": "queries",
    "config_differences": "queries",
    "trainer_agreement": "queries",
    "report_coverage": "reads",
    "report_problem_counts": "reads",
    "refused_files": "queries",
    "report_prompt_texts": "reads",
    "truncated_prompts": "queries",
    "report_asking_prompts": "reads",
    "edited_prompts": "queries",
    "report_differing_prompts": "reads",
    "report_counts": "reads",
    "report_ingests": "reads",
}
"""Statement to the folder it lies in."""

_PARAMETER = re.compile(r"\$(\w+)")


def sql_texts(values: Mapping[str, str | None]) -> Mapping[str, str]:
    """By name. `values` of the statements' parameters; those that it lacks are NULL."""
    return {
        name: _with_values(read_statement(kind, name).strip(), values)
        for name, kind in SHOWN.items()
    }


def _with_values(sql: str, values: Mapping[str, str | None]) -> str:
    return _PARAMETER.sub(lambda found: _literal(values.get(found[1])), sql)


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
