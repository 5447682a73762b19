"""The progress line: no speed before something is done, then the speed of the last half minute."""

from __future__ import annotations

import pytest

from clipstore.pipeline.accounting import Tally
from clipstore.pipeline.ingest import Progress
from clipstore.pipeline.pace import Pace, PaceMeter
from clipstore.pipeline.progress import pace_to_text
from clipstore.pipeline.timings import IngestTimings


def at(wall_s: float, model_s: float = 0.0, pixels_s: float = 0.0) -> IngestTimings:
    return IngestTimings(
        wall_s=wall_s,
        model_s=model_s,
        pixels_s=pixels_s,
        disk_s=0.0,
        other_s=wall_s - model_s - pixels_s,
        read_s=0.0,
        decode_s=0.0,
        cut_s=0.0,
        resize_s=0.0,
        write_s=0.0,
        merge_s=0.0,
        n_readers=12,
    )


def test_reading_ahead_is_no_speed() -> None:
    assert PaceMeter().measure(at(8.0, pixels_s=8.0), 0, 100) == Pace(None, None, "")


def test_the_first_batch_counts_with_all_the_time_it_took() -> None:
    pace = PaceMeter().measure(at(10.0, model_s=9.0, pixels_s=1.0), 4, 96)
    assert (pace.files_per_s, pace.left_s) == (pytest.approx(0.4), pytest.approx(240.0))
    assert pace.bound == "model-bound"


def test_between_two_batches_the_time_left_goes_down() -> None:
    meter = PaceMeter()
    meter.measure(at(10.0), 4, 96)
    assert meter.measure(at(13.0), 4, 96).left_s == pytest.approx(237.0)


def test_the_pace_is_that_of_the_last_half_minute() -> None:
    meter = PaceMeter()
    for second in range(1, 121):
        n_done = 10 * second if second <= 60 else 600 + (second - 60)
        pace = meter.measure(at(float(second)), n_done, 1000 - n_done)
    assert pace.files_per_s == pytest.approx(1.0)


def test_what_bounds_is_what_the_main_thread_waits_for_now() -> None:
    meter = PaceMeter()
    for second in range(1, 61):
        pace = meter.measure(at(float(second), model_s=0.9 * second), second, 500)
    assert pace.bound == "model-bound"
    for second in range(61, 121):
        timings = at(float(second), model_s=54.0, pixels_s=0.9 * (second - 60))
        pace = meter.measure(timings, second, 400)
    assert pace.bound == "decode-bound: 12 workers"


def test_the_line_says_rate_time_left_and_bound() -> None:
    def line(pace: Pace) -> str:
        return pace_to_text(Progress(Tally(), 10, 0, 10, 1, 1, pace))

    assert line(Pace(None, None, "")) == "starting"
    assert line(Pace(12.34, 45.2, "model-bound")) == "12.3 pictures/s, 45 s left, model-bound"
    assert line(Pace(0.4, 8000.0, "x")) == "0.4 pictures/s, 2.2 h left, x"
