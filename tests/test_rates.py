"""What `clipstore doctor --measure` times, and what it advises."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstore.commands import doctor
from clipstore.pipeline.rates import Rates, measure_rates
from tests.mean_colour import MeanColourEmbedder


def test_both_stages_are_timed_in_the_given_time() -> None:
    embedder = MeanColourEmbedder()
    rates = measure_rates(embedder.preprocessing, embedder, n_processes=1, seconds=0.8)
    assert rates.n_processes == 1
    assert 1 < rates.read_by_one_per_s < 1000
    assert rates.model_per_s > rates.read_by_all_per_s
    assert rates.is_decode_bound


def test_without_weights_reading_is_measured_and_the_rest_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "MEASURED_SECONDS", 0.4)
    reading, model = doctor._measure(str(tmp_path / "nothing"))
    assert (reading.state, model.state) == ("ok", "note")
    assert "not measured" in model.detail


def test_the_advice_follows_from_what_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "the model" in doctor._advise(Rates(40.0, 80.0, 2, 0.4))
    assert "more cores" in doctor._advise(Rates(40.0, 80.0, 2, 900.0))
    monkeypatch.setattr(doctor, "has_fast_decoder", lambda: False)
    assert "clipstore[fast]" in doctor._advise(Rates(40.0, 80.0, 2, 900.0))
