"""Our pixels against those of transformers' own Pillow processor, bit for bit."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clipstore.errors import ModelRefused
from clipstore.model.preprocess import CLIP_MEAN, CLIP_STD, Preprocessing
from clipstore.model.preprocessorfile import read_preprocessing

OPENAI_336: Mapping[str, object] = {
    "crop_size": 336,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 336,
}


def noise(height_px: int, width_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random pixels over a ramp: every value, every frequency."""
    random = np.random.default_rng(seed)
    ramp = np.linspace(0, 180, width_px)[None, :, None]
    return (ramp + random.integers(0, 76, (height_px, width_px, 3))).astype(np.uint8)


def prepare_as_transformers(
    rgb: NDArray[np.uint8], settings: Mapping[str, object]
) -> NDArray[np.float32]:
    from transformers.models.clip.image_processing_pil_clip import (  # noqa: PLC0415  slow
        CLIPImageProcessorPil,
    )

    processor = CLIPImageProcessorPil.from_dict(dict(settings))
    (prepared,) = processor(images=[Image.fromarray(rgb)], return_tensors="np")["pixel_values"]
    return prepared


def normalised(preprocessing: Preprocessing, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The floats that the level table makes of the prepared bytes: (3, side, side)."""
    pixels = preprocessing.prepare(rgb)
    assert pixels.dtype == np.uint8
    table = preprocessing.level_table()
    return np.stack([table[channel][pixels[:, :, channel]] for channel in range(3)])


SIZES = [
    (336, 336),
    (335, 336),
    (336, 337),
    (337, 336),
    (335, 335),
    (337, 337),
    (512, 512),
    (768, 1344),
    (1344, 768),
    (333, 777),
    (777, 333),
    (16, 16),
    (1, 1),
    (1, 9),
    (7, 3),
    (40, 1000),
    (1000, 41),
    (1023, 1025),
]


@pytest.mark.parametrize("height_px, width_px", SIZES)
def test_pixels_equal_those_of_transformers_bit_for_bit(height_px: int, width_px: int) -> None:
    rgb = noise(height_px, width_px)
    ours = normalised(read_preprocessing(OPENAI_336, "m"), rgb)
    assert ours.dtype == np.float32
    assert ours.shape == (3, 336, 336)
    np.testing.assert_array_equal(ours, prepare_as_transformers(rgb, OPENAI_336))


def test_odd_sizes_around_a_small_crop_equal_those_of_transformers() -> None:
    settings = {**OPENAI_336, "size": {"shortest_edge": 33}, "crop_size": 32}
    preprocessing = read_preprocessing(settings, "m")
    for height_px in range(30, 37):
        for width_px in range(30, 67, 3):
            rgb = noise(height_px, width_px, seed=height_px)
            np.testing.assert_array_equal(
                normalised(preprocessing, rgb), prepare_as_transformers(rgb, settings)
            )


@pytest.mark.parametrize(
    "change",
    [
        {"size": {"shortest_edge": 40}, "crop_size": {"height": 31, "width": 31}},
        {"size": {"height": 36, "width": 48}, "crop_size": 32},
        {"size": {"height": 32, "width": 32}, "do_center_crop": False},
        {"size": 32, "crop_size": 32, "resample": 1},
        {"size": 32, "crop_size": 32, "resample": 2},
        {"size": 32, "crop_size": 32, "do_rescale": False},
        {"size": 32, "crop_size": 32, "rescale_factor": 1 / 127.5},
        {"size": 32, "crop_size": 32, "do_normalize": False},
        {"size": 32, "crop_size": 32, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.4, 1]},
    ],
    ids=lambda change: ", ".join(f"{k} {v}" for k, v in change.items()),
)
def test_other_settings_are_followed_and_named_in_the_version(change: Mapping[str, object]) -> None:
    settings = {**OPENAI_336, **change}
    preprocessing = read_preprocessing(settings, "m")
    for size in [(50, 70), (70, 50), (31, 33)]:
        rgb = noise(*size)
        np.testing.assert_array_equal(
            normalised(preprocessing, rgb), prepare_as_transformers(rgb, settings)
        )
    plain = read_preprocessing({**OPENAI_336, "size": 32, "crop_size": 32}, "m")
    assert preprocessing.version != plain.version


def test_open_clip_s_rule_moves_the_crop_by_half_a_pixel_and_has_another_name() -> None:
    """`tests/test_openclip.py` has the proof; this one needs no open_clip."""
    ours = Preprocessing(
        33, 33, None, Image.Resampling.BICUBIC, 1 / 255, CLIP_MEAN, CLIP_STD, library="open_clip"
    )
    theirs = replace(ours, library="transformers")
    assert ours.version == "openclip-bicubic-shortest33-center33-v1"
    columns = np.zeros((33, 36, 3), np.uint8)
    columns += np.arange(36, dtype=np.uint8)[:, None]
    assert ours.prepare(columns)[0, 0, 0] == 2  # a margin of 1.5 to the even side
    assert theirs.prepare(columns)[0, 0, 0] == 1


def test_the_default_model_s_version_is_readable() -> None:
    preprocessing = read_preprocessing(OPENAI_336, "m")
    assert preprocessing.version == "pil-bicubic-shortest336-center336-v1"


def test_a_checkpoint_that_says_nothing_gets_clip_s_defaults() -> None:
    assert read_preprocessing({}, "m") == Preprocessing(
        224, 224, None, Image.Resampling.BICUBIC, 1 / 255, CLIP_MEAN, CLIP_STD
    )


@pytest.mark.parametrize(
    "change, told",
    [
        ({"image_processor_type": "SiglipImageProcessor"}, "SiglipImageProcessor"),
        ({"feature_extractor_type": "ViTFeatureExtractor"}, "ViTFeatureExtractor"),
        ({"do_pad": True}, "do_pad"),
        ({"use_square_size": True}, "use_square_size"),
        ({"do_resize": False}, "do_resize"),
        ({"do_resize": "yes"}, "do_resize"),
        ({"do_center_crop": False}, "do_center_crop"),
        ({"do_center_crop": False, "size": {"height": 336, "width": 300}}, "do_center_crop"),
        ({"size": {"longest_edge": 336}}, "longest_edge"),
        ({"size": {"shortest_edge": 336, "longest_edge": 500}}, "longest_edge"),
        ({"size": 300}, "less than the crop of 336"),
        ({"size": {"height": 400, "width": 300}}, "less than the crop of 336"),
        ({"size": -3}, "size"),
        ({"size": 10**9}, "size"),
        ({"crop_size": {"height": 336, "width": 224}}, "crop_size"),
        ({"crop_size": "336"}, "crop_size"),
        ({"resample": 99}, "resample"),
        ({"resample": [3]}, "resample"),
        ({"rescale_factor": 0}, "rescale_factor"),
        ({"rescale_factor": float("nan")}, "rescale_factor"),
        ({"image_mean": [0.5]}, "image_mean"),
        ({"image_mean": ["a", "b", "c"]}, "image_mean"),
        ({"image_std": [0.5, 0, 0.5]}, "image_std"),
        ({"image_std": [0.5, float("inf"), 0.5]}, "image_std"),
    ],
    ids=str,
)
def test_settings_that_are_not_implemented_are_refused_by_name(
    change: Mapping[str, object], told: str
) -> None:
    with pytest.raises(ModelRefused, match=told):
        read_preprocessing({**OPENAI_336, **change}, "some/model")


def test_a_picture_too_long_and_thin_to_resize_is_refused_before_memory_is_taken() -> None:
    preprocessing = read_preprocessing(OPENAI_336, "m")
    with pytest.raises(ValueError, match="too long and thin"):
        preprocessing.prepare(np.zeros((16, 400_000, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)],
)
def test_anything_but_rgb_bytes_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        read_preprocessing(OPENAI_336, "m").prepare(pixels)


def test_a_view_into_a_larger_picture_gives_the_pixels_of_its_copy() -> None:
    large = noise(100, 120)
    view = large[10:90:2, 5:80]
    preprocessing = read_preprocessing(OPENAI_336, "m")
    np.testing.assert_array_equal(preprocessing.prepare(view), preprocessing.prepare(view.copy()))


def test_it_can_be_sent_to_another_process() -> None:
    preprocessing = read_preprocessing(OPENAI_336, "m")
    assert pickle.loads(pickle.dumps(preprocessing)) == preprocessing
