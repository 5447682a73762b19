"""The page's first sentence: how many runs to stop, to look at and to leave alone."""

from __future__ import annotations

from collections import Counter

from clipstore.report.data import ReportData
from clipstore.report.modelview import label_counts
from clipstore.report.numbertext import count_to_text


def data_to_headline(data: ReportData) -> str:
    """Counts by verdict with one model; with several only how many runs there are."""
    runs = {verdict.run for verdict in data.verdicts}
    if len(data.sections) != 1:
        return f"{count_to_text(len(runs))} {'run' if len(runs) == 1 else 'runs'}"
    (section,) = data.sections
    counts = label_counts(section) + Counter(section.rows_left_out)
    parts = [
        f"{n} {words}"
        for label, words in (
            ("abandon", "to abandon"),
            ("in band: judge by eye", "to judge by eye"),
            ("keep going", "to leave running"),
            ("cannot tell yet", "not decided yet"),
        )
        if (n := counts.get(label, 0))
    ]
    return f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}: {', '.join(parts)}"
