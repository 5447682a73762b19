"""Videos: which frames are scored, what becomes of their scores, and what is refused."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from clipstore.pictures.clips import FRAMES_PER_CLIP, Clip, decode_clip, frames_to_score, is_clip
from clipstore.pictures.images import read_picture
from clipstore.pipeline.discover import outline
from clipstore.pipeline.ingest import IngestOptions, IngestReport, ingest_surveyed
from clipstore.pipeline.survey import survey
from clipstore.storage.store import check_store, run_query
from clipstore.types import Problem
from tests.mean_colour import MeanColourEmbedder
from tests.run_trees import made_old

RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)
NAME = "lora_000100_00_20240203112233_42.mp4"


def write_mp4(path: Path, colours: Sequence[tuple[int, int, int]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv444p"
        for colour in colours:
            pixels = np.full((64, 64, 3), colour, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_webp(path: Path, colours: Sequence[tuple[int, int, int]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.new("RGB", (64, 64), colour) for colour in colours)
    first.save(path, save_all=True, append_images=others, duration=100, lossless=True)
    return path


def decoded(path: Path) -> Clip | Problem:
    now = time.time_ns()
    raw = read_picture(path, now_ns=now)
    return raw if isinstance(raw, Problem) else decode_clip(raw, now_ns=now)


def colours_of(clip: Clip | Problem) -> list[tuple[int, ...]]:
    """The frames' colours, to the nearest 32: video is lossy."""
    assert isinstance(clip, Clip)
    return [tuple(int(v) for v in np.rint(frame.mean((0, 1)) / 32) * 32) for frame in clip.frames]


@pytest.mark.parametrize("n_frames", [1, 2, 7, 8, 9, 16, 81, 1000])
def test_the_frames_are_even_and_have_the_first_and_the_last(n_frames: int) -> None:
    frames = frames_to_score(range(n_frames))
    assert len(frames) == min(n_frames, FRAMES_PER_CLIP)
    assert (frames[0], frames[-1]) == (0, n_frames - 1)
    gaps = {later - earlier for earlier, later in pairwise(frames)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_a_frame_that_is_shown_long_counts_as_often_as_it_is_seen() -> None:
    assert frames_to_score([0, 600, 700]) == (0, 0, 0, 0, 0, 0, 1, 2)


@pytest.mark.parametrize("write", [write_mp4, write_webp])
def test_of_a_clip_the_first_and_the_last_frame_are_decoded(
    tmp_path: Path, write: Callable[[Path, Sequence[tuple[int, int, int]]], Path]
) -> None:
    suffix = "mp4" if write is write_mp4 else "webp"
    clip = decoded(write(tmp_path / f"x.{suffix}", [RED, *[GREEN] * 18, BLUE]))
    assert isinstance(clip, Clip)
    # Pillow stores equal frames as one that is shown longer.
    assert clip.n_frames == (20 if write is write_mp4 else 3)
    red, *middle, blue = colours_of(clip)
    assert (red[0], blue[2]) == (256, 256)
    assert {colour[1] for colour in middle} == {256}


def test_a_still_picture_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "x.webp"
    Image.new("RGBA", (64, 64)).save(path)
    raw = read_picture(path, now_ns=time.time_ns())
    assert not isinstance(raw, Problem)
    assert not is_clip(raw)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_video_that_is_still_being_written_is_pending(tmp_path: Path, share: float) -> None:
    path = write_mp4(tmp_path / "x.mp4", [RED] * 20)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    problem = decoded(path)
    assert isinstance(problem, Problem)
    assert (problem.reason, problem.pending) == ("truncated", True)


def test_every_damage_ends_in_a_clip_or_a_problem(tmp_path: Path) -> None:
    path = write_mp4(tmp_path / "x.mp4", [RED, GREEN] * 10)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for place in random.integers(0, len(whole), 60):
        data = bytearray(whole)
        data[place] ^= 0xFF
        path.write_bytes(data)
        assert isinstance(decoded(path), Clip | Problem)


def test_without_av_a_video_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_mp4(tmp_path / "x.mp4", [RED])
    monkeypatch.setitem(sys.modules, "av", None)
    problem = decoded(path)
    assert isinstance(problem, Problem)
    assert "pip install 'clipstore[video]'" in problem.detail


def ingest(run: Path, store: Path, embedder: MeanColourEmbedder, workers: int = 0) -> IngestReport:
    found = [survey(outline(made_old(run)))]
    return ingest_surveyed(found, store, embedder, IngestOptions(workers=workers))


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_the_score_of_a_clip_is_the_mean_of_its_frames_scores(
    tmp_path: Path, batch_size: int
) -> None:
    run, store = tmp_path / "run", tmp_path / "s.duckdb"
    colours = [RED, RED, RED, RED, RED, RED, BLUE, GREEN]  # against "red": 1, six times; then 0
    write_webp(run / "samples" / "1700000000000__000000250_0.webp", colours)
    (run / "config.yaml").write_text("config: {process: [{sample: {prompts: [red]}}]}")

    report = ingest(run, store, MeanColourEmbedder(batch_size=batch_size))

    assert (report.tally.scored, report.n_scores) == (1, 1)
    row = run_query(store, "SELECT cosine, n_frames, notes, prompt_id FROM current_scores").row(0)
    assert row == (pytest.approx(6 / 8), 8, ["mean_of_8_of_3_frames"], "0")
    assert check_store(store) == ()


def test_a_video_of_musubi_is_scored_beside_its_pictures(tmp_path: Path) -> None:
    run, store = tmp_path / "run", tmp_path / "s.duckdb"
    write_mp4(run / "sample" / NAME, [RED] * 10 + [BLUE] * 10)
    Image.new("RGB", (64, 64), RED).save(
        run / "sample" / "lora_000100_01_20240203112234_42_000.png"
    )
    (run / "sample_prompts.txt").write_text("red\nred\n")

    report = ingest(run, store, MeanColourEmbedder(), workers=1)

    assert report.problems == ()
    rows = run_query(store, "SELECT prompt_id, cosine, n_frames FROM current_scores ORDER BY ALL")
    assert rows.rows() == [("0", pytest.approx(0.5, abs=0.02), 8), ("1", pytest.approx(1.0), None)]
    again = ingest(run, store, MeanColourEmbedder())
    assert (again.tally.known, again.n_scores) == (2, 0)


def test_a_composite_is_never_taken_for_a_clip(tmp_path: Path) -> None:
    run, store = tmp_path / "run", tmp_path / "s.duckdb"
    write_webp(run / "validation_images" / "step_5_fox_0_64x64.webp", [RED, BLUE])
    (run / "user_prompt_library.json").write_text('{"fox": "red"}')
    (run / "config.json").write_text('{"user_prompt_library": "user_prompt_library.json"}')
    report = ingest(run, store, MeanColourEmbedder())
    assert [problem.reason for problem in report.problems] == ["animated"]
