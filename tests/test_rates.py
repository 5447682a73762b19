"""What `clipstore doctor` times, and what it recommends from that."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clipstore.cli import cli
from clipstore.commands import doctor
from clipstore.errors import ReadersFailed
from clipstore.pipeline import rates
from clipstore.pipeline.rates import Rates, measure_rates
from clipstore.pipeline.recommend import (
    LoadedModel,
    advise_on_batch_size,
    advise_on_bound,
    advise_on_dtype,
    advise_on_workers,
    choose_workers,
)
from tests.mean_colour import MeanColourEmbedder
from tests.tiny_clip import build_tiny_clip

MODEL_BOUND = Rates(40.0, 300.0, 8, 90.0)
READING_BOUND = Rates(40.0, 300.0, 8, 900.0)


def test_both_stages_are_timed_in_the_given_time() -> None:
    embedder = MeanColourEmbedder()
    found = measure_rates(embedder.preprocessing, embedder, n_processes=1, seconds=0.4)
    assert found.n_processes == 1
    assert 0 < found.read_by_one_per_s < 1000
    assert found.model_per_s > found.read_by_all_per_s
    assert found.is_decode_bound


class Slow(MeanColourEmbedder):
    """Takes .02 s a picture, whatever the batch, as a CPU does; by a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(batch_size=64)
        self.calls: list[int] = []
        monkeypatch.setattr(rates.time, "perf_counter", lambda: 0.02 * sum(self.calls))

    def embed_images(self, pixels: np.ndarray) -> np.ndarray:
        self.calls.append(len(pixels))
        return super().embed_images(pixels)


@pytest.mark.parametrize(
    "seconds, calls",
    [(0.0, [1, 1]), (0.4, [1, 1, 2, 4, 8]), (60.0, [1, 1, 2, 4, 8, 16, 32] + [64] * 45)],
    ids=["no time at all", "no time for a batch", "time enough"],
)
def test_a_slow_model_is_timed_with_as_many_pictures_as_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch, seconds: float, calls: list[int]
) -> None:
    slow = Slow(monkeypatch)
    assert rates._model_rate(slow, seconds) == pytest.approx(50)
    assert slow.calls == calls


def doctor_says(
    capsys: pytest.CaptureFixture[str], *arguments: object
) -> dict[str, dict[str, str]]:
    cli.main(["doctor", *map(str, arguments), "--format", "json"], standalone_mode=False)
    return {row["what"]: row for row in json.loads(capsys.readouterr().out)}


def test_doctor_measures_a_model_that_is_here_and_recommends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "MEASURED_SECONDS", 0.4)
    folder, store = build_tiny_clip(tmp_path / "tiny"), tmp_path / "s.duckdb"
    said = doctor_says(capsys, "--model", folder, "--db", store)
    assert "pictures/s in float32 on cpu" in said["model speed"]["detail"]
    assert said["bound by"]["detail"].startswith(
        ("reading: the model is ", "the model: reading is ")
    )
    assert said["workers"]["detail"].startswith("--workers ")
    assert said["batch size"]["detail"].startswith("batches of 32: ")
    assert said["dtype"]["detail"].startswith("--dtype auto, the default: float32 here")
    assert "reading" not in doctor_says(capsys, "--model", folder, "--db", store, "--quick")


def test_without_weights_reading_is_measured_and_the_rest_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "MEASURED_SECONDS", 0.4)
    said = doctor_says(capsys, "--model", "no/such-model", "--db", tmp_path / "s.duckdb")
    assert (said["reading"]["state"], said["model speed"]["state"]) == ("ok", "note")
    assert "not measured: no/such-model is not on this machine" in said["model speed"]["detail"]
    assert not {"bound by", "dtype"} & said.keys()


def test_readers_that_cannot_start_are_a_problem_among_the_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> Rates:
        raise ReadersFailed(1)

    monkeypatch.setattr(doctor, "measure_rates", fail)
    said = doctor_says(capsys, "--model", "no/such-model", "--db", tmp_path / "s.duckdb")
    assert said["reading"]["state"] == "problem"
    assert said["clipstore"]["state"] == "ok"


def test_without_torch_doctor_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert doctor._load_model(str(tmp_path)) == (None, "it needs torch and transformers")


def test_a_machine_that_is_busy_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.getloadavg", lambda: (3.14, 0.0, 0.0))
    assert "busy (load 3.1)" in doctor._beside_other_work()
    monkeypatch.setattr("os.getloadavg", lambda: (1.0, 9.0, 9.0))
    assert doctor._beside_other_work() == ""


def test_as_many_workers_are_recommended_as_keep_up_with_the_model() -> None:
    assert choose_workers(MODEL_BOUND) == 3
    assert choose_workers(Rates(40.0, 300.0, 8, 0.4)) == 1
    assert choose_workers(Rates(40.0, 300.0, 8, 299.0)) == 8
    assert choose_workers(READING_BOUND) == 8
    assert choose_workers(Rates(40.0, 300.0, 8, None)) == 8
    assert advise_on_workers(MODEL_BOUND).startswith("--workers 3 keeps up with the model")
    assert "all of them are needed" in advise_on_workers(READING_BOUND)


def test_the_advice_follows_from_what_bounds() -> None:
    assert "the model: reading is 3.3 times as fast" in advise_on_bound(
        MODEL_BOUND, has_fast_decoder=True
    )
    reading = advise_on_bound(READING_BOUND, has_fast_decoder=True)
    assert reading == "reading: the model is 3 times as fast. What helps: more cores"
    assert "clipstore[fast]" in advise_on_bound(READING_BOUND, has_fast_decoder=False)


def test_a_dtype_is_never_recommended_that_leaves_the_bound() -> None:
    cpu, gpu = LoadedModel("cpu", "float32", 4, 2.1), LoadedModel("cuda", "float16", 64, None)
    assert advise_on_dtype(cpu).startswith("--dtype auto, the default: float32 here. bfloat16 mult")
    assert "2.1 times as fast, but" in advise_on_dtype(cpu)
    assert advise_on_dtype(gpu) == "--dtype auto, the default: float16 here"
    assert "bfloat16" not in advise_on_dtype(LoadedModel("cpu", "float32", 4, 1.1))
    assert "batches of 64" in advise_on_batch_size(gpu)
