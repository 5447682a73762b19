"""Thumbnails show what was scored and nothing else."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clipstore.pictures.images import read_picture
from clipstore.report.thumbnails import (
    FRAME_PX,
    LEFT_OUT_FOR_SIZE,
    NoThumbnail,
    PanelWish,
    Thumbnail,
    make_panels,
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


def picture_to_thumbnail(path: Path, box: Box, *, now_ns: int) -> Thumbnail | NoThumbnail:
    (made,) = make_panels([PanelWish(path, box, FRAME_PX)], budget_bytes=10**6, now_ns=now_ns)
    return made.small


def decoded(thumbnail: Thumbnail | NoThumbnail) -> Image.Image:
    assert isinstance(thumbnail, Thumbnail)
    head, data = thumbnail.data_url.split(",", 1)
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_only_the_scored_panel_is_shown(composite: Path):
    red, _, blue = decoded(picture_to_thumbnail(composite, RIGHT_HALF, now_ns=0)).getpixel((5, 5))
    assert (red < 30, blue > 220) == (True, True)


def test_of_a_clip_the_first_frame_is_shown(tmp_path: Path):
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    path = tmp_path / "clip.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    red, _, blue = decoded(picture_to_thumbnail(path, Box(0, 0, 64, 64), now_ns=0)).getpixel((5, 5))
    assert (red > 220, blue < 30) == (True, True)


def test_a_panel_is_scaled_down_and_keeps_its_shape(composite: Path):
    made = picture_to_thumbnail(composite, LEFT_HALF, now_ns=0)
    assert isinstance(made, Thumbnail)
    assert (made.width_px, made.height_px) == (FRAME_PX, FRAME_PX * 3 // 4)
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
    wishes = [PanelWish(composite, box, FRAME_PX) for box in (LEFT_HALF, RIGHT_HALF)]
    both = make_panels(wishes, budget_bytes=10**6, now_ns=0)
    enough_for_one = len(both[0].small.data_url)
    first, second = make_panels(wishes, budget_bytes=enough_for_one, now_ns=0)
    assert first == both[0]
    assert second.small == LEFT_OUT_FOR_SIZE


def test_files_behind_a_spent_budget_are_not_read(composite: Path, tmp_path: Path):
    """Only as many as one round takes: a page of a thousand runs must not read them all."""
    absent = [PanelWish(tmp_path / f"{i}.png", LEFT_HALF, FRAME_PX) for i in range(100)]
    made = make_panels(
        [PanelWish(composite, LEFT_HALF, FRAME_PX), *absent], budget_bytes=1, now_ns=0
    )
    assert made[0].small == made[-1].small == LEFT_OUT_FOR_SIZE
    assert made[1].small == NoThumbnail("the file is no longer there")


def test_a_file_is_read_once_for_all_its_panels(composite: Path, monkeypatch: pytest.MonkeyPatch):
    reads = []

    def counted(path: Path, *, now_ns: int):
        reads.append(path)
        return read_picture(path, now_ns=now_ns)

    monkeypatch.setattr("clipstore.report.thumbnails.read_picture", counted)
    wishes = [
        PanelWish(composite, box, side) for box in (LEFT_HALF, RIGHT_HALF) for side in (64, 192)
    ]
    made = make_panels(wishes, budget_bytes=10**6, now_ns=0)
    assert [panel.small.width_px for panel in made] == [64, 192, 64, 192]
    assert reads == [composite]


def test_a_larger_version_is_made_where_one_is_wished_and_there_is_more_to_see(composite: Path):
    wishes = [PanelWish(composite, LEFT_HALF, side, large_side_px=384) for side in (192, 400)]
    large, none = make_panels(wishes, budget_bytes=10**6, now_ns=0)
    assert large.large.width_px == 384
    assert none.large is None


def test_the_sink_gets_whole_panels_without_the_metadata_of_the_file(composite: Path):
    given = {}
    wish = PanelWish(composite, RIGHT_HALF, FRAME_PX, full_name="right.webp")
    make_panels([wish], budget_bytes=0, now_ns=0, sink=given.__setitem__)
    panel = Image.open(io.BytesIO(given["right.webp"]))
    assert panel.size == (400, 300)
    assert panel.getpixel((200, 150))[2] > 220
    assert b"secret" not in given["right.webp"]
