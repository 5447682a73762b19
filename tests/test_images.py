"""Reading and decoding: what is hashed is what is decoded, and nothing is silently distorted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstore.pictures.images import (
    DecodedPicture,
    RawPicture,
    crop_pixels,
    decode_picture,
    pixels_to_crop_id,
    read_picture,
)
from clipstore.types import Box, Problem

NOISE = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
HOUR_NS = 3600 * 10**9


def decoded(path: Path) -> DecodedPicture | Problem:
    now_ns = time.time_ns()
    raw = read_picture(path, now_ns=now_ns)
    return raw if isinstance(raw, Problem) else decode_picture(raw, now_ns=now_ns)


def saved(path: Path, pixels: np.ndarray = NOISE, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def made_old(path: Path) -> Path:
    an_hour_ago = time.time_ns() - HOUR_NS
    os.utime(path, ns=(an_hour_ago, an_hour_ago))
    return path


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_lossless_pictures_decode_to_the_very_pixels(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, lossless=True)
    assert np.array_equal(decoded(path).rgb, NOISE)


def test_a_jpeg_is_known_to_be_lossy_and_a_png_not(tmp_path: Path) -> None:
    assert decoded(saved(tmp_path / "a.jpg")).is_lossy
    assert not decoded(saved(tmp_path / "a.png")).is_lossy


def test_the_magic_bytes_decide_and_not_the_extension(tmp_path: Path) -> None:
    path = saved(tmp_path / "jpeg.png", format="JPEG")
    assert decoded(path).is_lossy


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.99])
def test_a_half_written_picture_is_pending_while_young_and_refused_when_old(
    tmp_path: Path, form: str, kept: float
) -> None:
    path = saved(tmp_path / "a.png", format=form)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    young = decoded(path)
    assert isinstance(young, Problem)
    assert young.pending
    old = decoded(made_old(path))
    assert isinstance(old, Problem)
    assert not old.pending


def test_a_png_that_lacks_only_its_end_marker_is_still_being_written(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:-4])
    assert decoded(path).reason == "truncated"


@pytest.mark.parametrize("content", [b"", b"<html>not a picture</html>", b"GIF89a" + bytes(64)])
def test_what_is_no_picture_is_refused_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert isinstance(decoded(made_old(path)), Problem)


def test_hidden_colour_under_transparency_does_not_reach_the_score(tmp_path: Path) -> None:
    clear = np.zeros((20, 20, 4), dtype=np.uint8)
    red = clear.copy()
    red[..., 0] = 255
    first = decoded(saved(tmp_path / "clear.png", clear))
    second = decoded(saved(tmp_path / "red.png", red))
    assert np.array_equal(first.rgb, second.rgb)
    assert first.notes == ("alpha_on_white",)


def test_sixteen_bit_grey_is_scaled_and_not_clipped_to_white(tmp_path: Path) -> None:
    grey = np.tile(np.arange(64, dtype=np.uint16) * 1024, (32, 1))
    result = decoded(saved(tmp_path / "a.png", grey))
    assert np.array_equal(result.rgb[..., 0], (grey // 257).astype(np.uint8))
    assert result.notes == ("grey_16_bit",)


def test_a_picture_rotated_by_exif_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate 90 degrees clockwise to view
    result = decoded(saved(tmp_path / "a.png", exif=exif))
    assert np.array_equal(result.rgb, np.rot90(NOISE, -1))
    assert result.notes == ("exif_rotated",)


def test_an_animation_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    path = tmp_path / "a.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert decoded(path).reason == "animated"


def test_a_small_file_that_claims_a_huge_picture_is_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (12000, 12000)).save(path)
    assert decoded(path).reason == "too_large"


def test_a_pipe_named_like_a_picture_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    os.mkfifo(path)
    assert decoded(path).reason == "not_regular"


def test_a_folder_named_like_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.mkdir()
    assert decoded(path).reason == "not_regular"


def test_a_file_that_vanished_is_pending(tmp_path: Path) -> None:
    problem = decoded(tmp_path / "gone.png")
    assert (problem.reason, problem.pending) == ("vanished", True)


def test_the_hash_is_that_of_the_bytes_decoded(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png")
    raw = read_picture(path, now_ns=time.time_ns())
    assert isinstance(raw, RawPicture)
    path.write_bytes(b"changed afterwards")
    assert np.array_equal(decode_picture(raw, now_ns=time.time_ns()).rgb, NOISE)


def test_a_crop_holds_exactly_the_pixels_of_its_box() -> None:
    assert np.array_equal(crop_pixels(NOISE, Box(3, 5, 10, 25)), NOISE[5:25, 3:10])


def test_equal_crops_have_one_identity_and_other_shapes_another() -> None:
    assert pixels_to_crop_id(NOISE) == pixels_to_crop_id(NOISE.copy())
    assert pixels_to_crop_id(NOISE) != pixels_to_crop_id(NOISE.reshape(64, 48, 3))
