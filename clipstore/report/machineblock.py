"""The verdicts as JSON inside the page, for scripts that read it.

Invariant: the field names are those of `clipstore verdict --format jsonl`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC

from clipstore.findings import Verdict
from clipstore.report.data import ReportData

VERDICTS_SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away."""


def verdicts_to_json_value(data: ReportData) -> dict[str, object]:
    """For scripts. The steps are left out: `clipstore sql` and the chart's own block have them.
    `n_left_out` counts the verdicts that the page has no room for."""
    return {
        "schema_version": VERDICTS_SCHEMA_VERSION,
        "generated_at": data.generated_at.astimezone(UTC).isoformat(),
        "clipstore_version": data.version,
        "verdicts": [
            _verdict_to_json(row.verdict) for section in data.sections for row in section.rows
        ],
        "n_left_out": sum(sum(s.rows_left_out.values()) for s in data.sections),
    }


def _verdict_to_json(verdict: Verdict) -> dict[str, object]:
    row = {name: value for name, value in asdict(verdict).items() if name != "steps"}
    if verdict.pictures is not None:
        row["pictures"] = {
            name: value for name, value in row["pictures"].items() if name != "steps"
        }
    return row
