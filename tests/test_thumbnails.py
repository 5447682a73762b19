"""Thumbnails show what was scored and nothing else."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clipstore.report.thumbnails import (
    LEFT_OUT_BY_REQUEST,
    LEFT_OUT_FOR_SIZE,
    SIDE_PX,
    NoThumbnail,
    Thumbnail,
    ThumbnailMaker,
    picture_to_thumbnail,
)
from clipstore.types import Box

LEFT_HALF, RIGHT_HALF = Box(0, 0, 400, 300), Box(400, 0, 800, 300)


@pytest.fixture
def composite(tmp_path: Path) -> Path:
    """Red left, blue right, with a secret in its metadata."""
    image = Image.new("RGB", (800, 300), "red")
    image.paste("blue", RIGHT_HALF)
    note = PngInfo()
    note.add_text("parameters", "secret prompt of alice")
    image.save(tmp_path / "composite.png", pnginfo=note)
    return tmp_path / "composite.png"


def decoded(thumbnail: Thumbnail | NoThumbnail) -> Image.Image:
    assert isinstance(thumbnail, Thumbnail)
    head, data = thumbnail.data_url.split(",", 1)
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_only_the_scored_panel_is_shown(composite: Path):
    red, _, blue = decoded(picture_to_thumbnail(composite, RIGHT_HALF, now_ns=0)).getpixel((5, 5))
    assert (red < 30, blue > 220) == (True, True)


def test_a_panel_is_scaled_down_and_keeps_its_shape(composite: Path):
    made = picture_to_thumbnail(composite, LEFT_HALF, now_ns=0)
    assert isinstance(made, Thumbnail)
    assert (made.width_px, made.height_px) == (SIDE_PX, SIDE_PX * 3 // 4)
    assert decoded(made).size == (made.width_px, made.height_px)


def test_the_metadata_of_the_file_stay_behind(composite: Path):
    made = picture_to_thumbnail(composite, LEFT_HALF, now_ns=0)
    assert isinstance(made, Thumbnail)
    data = base64.b64decode(made.data_url.split(",", 1)[1])
    assert b"secret" not in data
    assert not {b"EXIF", b"XMP ", b"ICCP"} & {data[i : i + 4] for i in range(len(data))}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "the file is no longer there"),
        (b"no picture", "the file cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n cut off", "the file cannot be read"),
    ],
)
def test_a_file_that_cannot_be_shown_says_why(tmp_path: Path, content: bytes | None, why: str):
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    assert picture_to_thumbnail(path, LEFT_HALF, now_ns=0) == NoThumbnail(why)


def test_a_file_that_shrank_since_it_was_scored_is_not_cut_elsewhere(composite: Path):
    beyond = Box(400, 0, 801, 300)
    made = picture_to_thumbnail(composite, beyond, now_ns=0)
    assert made == NoThumbnail("the file has changed since it was scored")


def test_a_spent_budget_leaves_the_rest_out(composite: Path):
    maker = ThumbnailMaker(1, now_ns=0)
    assert isinstance(maker.make(composite, LEFT_HALF), Thumbnail)
    assert maker.make(composite, RIGHT_HALF) == LEFT_OUT_FOR_SIZE


def test_a_page_without_pictures_reads_no_file(tmp_path: Path):
    maker = ThumbnailMaker(10**6, now_ns=0, is_wanted=False)
    assert maker.make(tmp_path / "absent.png", LEFT_HALF) == LEFT_OUT_BY_REQUEST
