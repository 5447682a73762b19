"""The large report opens in a bounded multiple of what this machine needs for plotly alone."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.report_load import bundle_alone, open_page, synthetic_data
from clipstore.report.page import render_page
from tests.in_chromium import needs_chromium, open_browser

pytestmark = needs_chromium
VISITS = 5


def test_fifty_runs_of_1600_prompts_open_in_four_times_of_plotly_alone(tmp_path: Path):
    file = tmp_path / "report.html"
    text = render_page(synthetic_data(50, 1_600, 10))
    file.write_text(text, encoding="utf-8")
    assert len(text.encode()) < 12_000_000
    with open_browser() as browser:
        peer = bundle_alone(tmp_path)
        ratios, paints = [], []
        for _ in range(VISITS):
            alone = open_page(browser, peer, 1.0)
            whole = open_page(browser, file, 1.0)
            ratios.append((whole.ready_ms / whole.loop_ms) / (alone.ready_ms / alone.loop_ms))
            paints.append(whole.first_paint_ms / whole.ready_ms)
    assert statistics.median(ratios) < 4
    assert statistics.median(paints) < 0.6
