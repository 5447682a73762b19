"""`--to jsonl`: views as files of one JSON object a row, for `jq` and for scripts."""

from __future__ import annotations

import polars as pl

from clipstore.export.tables import export_appended
from clipstore.export.targets import Exported, ExportRequest
from clipstore.storage.store import Reader

NAME = "jsonl"


def export(reader: Reader, request: ExportRequest) -> tuple[Exported, ...]:
    """VIEW.jsonl for each view; times are ISO 8601 in UTC, numbers unrounded."""
    return export_appended(reader, request, "jsonl", _to_jsonl)


def _to_jsonl(frame: pl.DataFrame, _is_first: bool) -> bytes:
    return frame.write_ndjson().encode("utf-8")
