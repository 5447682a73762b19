"""Event files as torch writes them, beside TensorBoard's own reader."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from clipstore.logged import LogChunk, LoggedPicture, LogPosition
from clipstore.logs import tensorboard
from clipstore.pictures.images import decode_picture, read_picture
from clipstore.types import Problem
from tests.test_tfrecords import framed

N_STEPS = 300
TAGS = ("train_loss", "learning_rate", "epoch", "clip/mean")
ALL_OF_IT = {"scalars": 0, "images": 0, "tensors": 0}
PLAIN = {
    "lr": 1e-4,
    "max_train_steps": 300,
    "name": "a",
    "prior": True,
}


def number(tag: str, step: int) -> float:
    return math.sin(step) * (1 + TAGS.index(tag))


def picture(step: int) -> np.ndarray:
    """A picture that no other step has, (3, 20, 30)."""
    pixels = np.full((3, 20, 30), step % 250, np.uint8)
    pixels[:, :5, :5] = 255
    return pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    with SummaryWriter(str(folder)) as writer:
        for step in range(N_STEPS):
            for tag in TAGS:
                writer.add_scalar(tag, number(tag, step), step)
            if step % 20 == 0:
                writer.add_image("validation - (30, 20)", picture(step), step)
    return folder


def events_of(folder: Path) -> Path:
    (path,) = folder.glob("events.out.tfevents.*")
    return path


def read(path: Path, start: LogPosition | None = None) -> LogChunk:
    """The whole log in one chunk."""
    chunks = list(tensorboard.read(path, start or LogPosition()))
    columns = [chunk.scalars for chunk in chunks]
    return LogChunk(
        chunks[-1].position,
        type(columns[0])(
            [tag for one in columns for tag in one.tags],
            [step for one in columns for step in one.steps],
            [time for one in columns for time in one.wall_times_s],
            [value for one in columns for value in one.values],
        ),
        tuple(one for chunk in chunks for one in chunk.pictures),
        {key: value for chunk in chunks for key, value in chunk.settings.items()},
        tuple(line for chunk in chunks for line in chunk.damage),
    )


def rows(chunk: LogChunk) -> list[tuple[str, int, float, float]]:
    columns = chunk.scalars
    return list(zip(columns.tags, columns.steps, columns.wall_times_s, columns.values, strict=True))


def pixels_of(logged: LoggedPicture) -> np.ndarray:
    raw = read_picture(logged.path, now_ns=0)
    assert not isinstance(raw, Problem), raw
    decoded = decode_picture(raw, now_ns=0)
    assert not isinstance(decoded, Problem), decoded
    return decoded.rgb


def test_every_scalar_is_read_as_tensorboard_reads_it(folder: Path) -> None:
    theirs = EventAccumulator(str(folder), size_guidance=ALL_OF_IT)
    theirs.Reload()
    expected = {
        (tag, event.step, event.wall_time, event.value)
        for tag in TAGS
        for event in theirs.Scalars(tag)
    }
    found = rows(read(events_of(folder)))
    assert len(found) == len(TAGS) * N_STEPS
    assert set(found) == expected


def test_every_picture_is_kept_and_its_pixels_are_those_that_were_logged(folder: Path) -> None:
    logged = read(events_of(folder)).pictures
    assert [(one.tag, one.step) for one in logged] == [
        ("validation - (30, 20)", step) for step in range(0, N_STEPS, 20)
    ]
    for one in logged:
        assert (pixels_of(one) == picture(one.step).transpose(1, 2, 0)).all()
    theirs = EventAccumulator(str(folder))  # as it comes: a sample of four
    theirs.Reload()
    assert len(theirs.Images("validation - (30, 20)")) == 4


def test_a_growing_file_is_read_on_from_where_reading_stopped(folder: Path, tmp_path: Path) -> None:
    data = events_of(folder).read_bytes()
    path, position, found, pictures = tmp_path / "events.out.tfevents.1", LogPosition(), [], []
    for end in (0, 5, 1000, 1001, len(data) // 2, len(data) - 3, len(data)):
        path.write_bytes(data[:end])
        chunk = read(path, position)
        assert chunk.damage == ()
        position = chunk.position
        found += rows(chunk)
        pictures += [one.step for one in chunk.pictures]
    assert found == rows(read(events_of(folder)))
    assert pictures == list(range(0, N_STEPS, 20))
    assert position == LogPosition(len(data), N_STEPS - 1)


def test_a_picture_knows_the_last_step_before_it_however_often_reading_stopped(
    folder: Path, tmp_path: Path
) -> None:
    """Scripts that log pictures by epoch are dated by that."""
    logged = read(events_of(folder)).pictures[3]
    assert (logged.step, logged.last_step) == (60, 60)
    at = int(logged.path.name.split("#")[1].split("+")[0])
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(events_of(folder).read_bytes()[: at - 100])
    position = read(path).position
    shutil.copy(events_of(folder), path)
    assert read(path, position).pictures[0].last_step == 60


def test_hyperparameters_and_texts_are_settings(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_text("args", json.dumps({"lr": 1e-4, "betas": [0.9, 0.999]}))
        writer.add_text("note", "a run\nof two lines")
        writer.add_hparams(dict(PLAIN), {}, run_name="session")
    assert read(events_of(tmp_path)).settings == {
        "args": {"lr": 1e-4, "betas": [0.9, 0.999]},
        "note": "a run\nof two lines",
    }
    assert read(events_of(tmp_path / "session")).settings == PLAIN


def test_scalars_that_are_tensors_are_numbers_too(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in (-1, 0, 127, 128, 2**40):
            writer.add_scalar("new", step / 8, step, new_style=True)
            writer.add_scalar("double", step / 7, step, new_style=True, double_precision=True)
            writer.add_scalar("old", step / 4, step)
    found = read(events_of(tmp_path))
    assert found.damage == ()
    assert {(tag, step): value for tag, step, _, value in rows(found)} == {
        (tag, step): pytest.approx(step / divisor, rel=1e-6)
        for step in (-1, 0, 127, 128, 2**40)
        for tag, divisor in (("new", 8), ("double", 7), ("old", 4))
    }


def test_nan_and_infinity_come_as_they_were_logged(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step, value in enumerate((1.0, math.nan, math.inf, 2.0)):
            writer.add_scalar("loss", value, step)
    values = [value for _, _, _, value in rows(read(events_of(tmp_path)))]
    assert values[0] == 1.0 and math.isnan(values[1]) and values[2:] == [math.inf, 2.0]


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_after_a_flipped_bit_tensorboard_keeps_what_came_before_and_we_keep_all_but_one(
    folder: Path, tmp_path: Path, where: float
) -> None:
    whole = rows(read(events_of(folder)))
    data = bytearray(events_of(folder).read_bytes())
    data[int(len(data) * where)] ^= 4
    path = tmp_path / events_of(folder).name
    path.write_bytes(data)
    found = read(path)
    theirs = EventAccumulator(str(tmp_path), size_guidance=ALL_OF_IT)
    theirs.Reload()
    n_theirs = sum(len(theirs.Scalars(tag)) for tag in theirs.Tags()["scalars"])
    n_pictures = len(found.pictures)
    assert len(whole) + N_STEPS // 20 - len(rows(found)) - n_pictures == 1
    assert set(rows(found)) <= set(whole)
    assert len(found.damage) == 1
    assert n_theirs < len(whole) * (where + 0.1)


def test_a_record_that_is_no_event_is_passed_over_and_said(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    nested = b"\x2a\xff\xff\xff\xff\x0f" + b"\x0a" * 1000
    path.write_bytes(framed(nested) + framed(b"\xff" * 50) + events_of(folder).read_bytes())
    found = read(path)
    assert len(found.damage) == 2
    assert len(rows(found)) == len(TAGS) * N_STEPS


def test_a_picture_in_a_log_reads_like_a_file(folder: Path, tmp_path: Path) -> None:
    logged = read(events_of(folder)).pictures[2]
    raw = read_picture(logged.path, now_ns=0)
    assert not isinstance(raw, Problem)
    saved = tmp_path / "picture.png"
    saved.write_bytes(raw.data)
    assert np.array_equal(np.asarray(Image.open(saved)), pixels_of(logged))
