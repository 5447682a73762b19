"""The prepared command for a GPU, from end to end on the CPU: a small model, few pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.scorer_parts import gpumodel
from benchmarks.scorer_parts.models import Architecture
from benchmarks.scorer_parts.picturesets import FORMATS, PictureFormat

SMALL = Architecture("small", "none", 32, 8, 64, 2, 64, 32)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "tiny", PictureFormat("tiny", 64, "png"))
    monkeypatch.setattr("benchmarks.scorer_parts.ceilings.MEASURE_SECONDS", 0.05)


def run(tmp_path: Path, n_files: int) -> str:
    sizes = gpu.Sizes((SMALL,), {"tiny": n_files}, n_error_pictures=12, minutes=60)
    text = gpu.GpuBenchmark(sizes, "cpu", tmp_path, tmp_path / "found.md").run()
    assert (tmp_path / "found.md").read_text() == text
    return text


def cells(text: str, start: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip(" *") for cell in line.strip("|").split("|")]


@pytest.mark.usefixtures("_quick")
def test_it_prints_the_three_numbers_and_their_ratio_and_that_they_are_a_cpu_s(
    tmp_path: Path,
) -> None:
    text = run(tmp_path, 104)
    assert "**Not yet measured on a GPU: these figures are a CPU's.**" in text
    what, ran_in, alone, decoding, steady, ratio, whole, share = cells(text, "small, 104 tiny")
    assert (what, ran_in) == ("small, 104 tiny", "float32, 32")
    rates = [float(cell) for cell in (alone, decoding, steady, whole)]
    assert min(rates) > 0
    lower = min(rates[0], rates[1])
    assert float(ratio) == pytest.approx(rates[2] / lower, rel=0.02, abs=0.01)
    assert rates[3] < rates[2], "starting and merging count in the whole"
    assert share.endswith("%")
    assert cells(text, "small | auto")[2:4] == ["float32", "12 (0 + 12) × 8"]
    assert cells(text, "small | not measured")
    assert "- not measured: small, compiling: clipstore compiles on a GPU only" in text
    assert text.count("- not measured") == 1


@pytest.mark.usefixtures("_quick")
def test_what_no_time_is_left_for_and_what_fails_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("CUDA error: no\nmore")

    monkeypatch.setattr(gpumodel, "measure_model", break_down)
    monkeypatch.setattr(gpu, "ERRORS_S", 3601.0)
    text = run(tmp_path, 4)
    missing = [line for line in text.splitlines() if line.startswith("- not measured")]
    assert missing == [
        "- not measured: small, the model alone: CUDA error: no",
        "- not measured: small, tiny: CUDA error: no",
        "- not measured: small, errors: no time was left",
        "- not measured: small, compiling: clipstore compiles on a GPU only",
    ]
