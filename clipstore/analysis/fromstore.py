"""Store → verdicts: reads the frames that the pure analysis needs and hands them over."""

from __future__ import annotations

from pathlib import Path

from clipstore.analysis.verdict import verdicts_from_scores
from clipstore.findings import Verdict
from clipstore.storage.store import Reader, open_current
from clipstore.types import Band


def verdicts_in_store(store: Path) -> tuple[Verdict, ...]:
    """A verdict for every run and model in the store, most actionable first."""
    with open_current(store) as reader:
        return verdicts_from_reader(reader)


def verdicts_from_reader(reader: Reader) -> tuple[Verdict, ...]:
    """The same for a store that is open."""
    bands = {
        row["model_id"]: _row_to_band(row)
        for row in reader.read("analysis_models").iter_rows(named=True)
    }
    return verdicts_from_scores(reader.read("analysis_scores"), reader.read("analysis_runs"), bands)


def _row_to_band(row: dict[str, float | None]) -> Band | None:
    poor, low, high = (
        row["poor_below_cosine"],
        row["band_low_cosine"],
        row["band_high_cosine"],
    )
    if poor is None or low is None or high is None:
        return None
    return Band(poor, low, high)
