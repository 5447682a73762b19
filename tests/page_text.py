"""Reading a page as text: its table, its data blocks, the scripts that run."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from clipstore.report.gather import gather_report
from clipstore.report.tables import ReportTables
from tests.report_example import (
    NOW,
)


def gather(inputs: tuple[tuple[object, ...], ReportTables], size_cap_bytes: int = 12_000_000):
    verdicts, tables = inputs
    return gather_report(
        verdicts, tables, generated_at=NOW, version="0.1.0", size_cap_bytes=size_cap_bytes
    )


class Text(HTMLParser):
    """What a reader of the table sees, row by row."""

    def __init__(self, table_id: str) -> None:
        super().__init__()
        self._table_id, self._inside, self.rows = table_id, False, []

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._inside = dict(attrs).get("id") == self._table_id
        if self._inside and tag == "tr":
            self.rows.append("")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "table"

    def handle_data(self, text):
        if self._inside and self.rows:
            self.rows[-1] += f"{text.strip()} " if text.strip() else ""


def table_rows(page: str) -> list[str]:
    reader = Text("table-1")
    reader.feed(page)
    return reader.rows[1:]


def json_block(page: str, element_id: str) -> object:
    found = re.search(rf'<script type="application/json" id="{element_id}">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def scripts_that_run(page: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
