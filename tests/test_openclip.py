"""OpenCLIP's vectors against open_clip's own transform and forward pass.

open_clip needs torchvision, which changes what other libraries do where it is installed: these
tests run in an environment of their own (`make openclip`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file

open_clip = pytest.importorskip("open_clip", reason="needs clipstore[openclip]: make openclip")

from clipstore.errors import ModelRefused  # noqa: E402
from clipstore.model.openclippixels import read_open_clip_preprocessing  # noqa: E402
from tests.test_embed import PROMPTS, TOLERANCE, cosines_of, load, pictures  # noqa: E402
from tests.tiny_open_clip import build_tiny_open_clip  # noqa: E402

SETTINGS = [
    {},
    {"resize_mode": "squash"},
    {"interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.25, 1.0]},
]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(height_px: int, width_px: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(height_px * 7 + width_px)
    return random.integers(0, 256, (height_px, width_px, 3)).astype(np.uint8)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("side_px", [32, 33])
def test_pixels_are_those_of_open_clip_s_transform(
    settings: dict[str, object], side_px: int
) -> None:
    complete = {
        **vars(open_clip.transform.PreprocessCfg()),
        **settings,
        "size": (side_px, side_px),
    }
    transform = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(**complete), is_train=False
    )
    ours = read_open_clip_preprocessing(complete, "m")
    table = ours.level_table()
    for height_px in range(31, 39):
        for width_px in (20, 31, 32, 33, 34, 35, 50, 51, 97):
            rgb = noise(height_px, width_px)
            pixels = ours.prepare(rgb)
            floats = np.stack([table[c][pixels[:, :, c]] for c in range(3)])
            np.testing.assert_array_equal(floats, transform(Image.fromarray(rgb)).numpy())


@pytest.mark.parametrize("sigmoid", [False, True], ids=["clip", "siglip's loss"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_cosines_are_those_of_open_clip(
    tmp_path: Path, settings: dict[str, object], sigmoid: bool
) -> None:
    folder = build_tiny_open_clip(tmp_path / "tiny", sigmoid=sigmoid, **settings)
    place = f"local-dir:{folder}"
    network, _, transform = open_clip.create_model_and_transforms(place)
    tokenizer = open_clip.get_tokenizer(place)
    network.eval()
    with torch.no_grad():
        images = torch.cat(
            [
                network.encode_image(transform(Image.fromarray(rgb))[None], normalize=True)
                for rgb in pictures()
            ]
        )
        words = torch.cat([network.encode_text(tokenizer([t]), normalize=True) for t in PROMPTS])
    theirs = (images @ words.T).numpy()
    embedder = load(folder)
    ours = cosines_of(embedder, pictures(), PROMPTS)
    assert np.abs(ours - theirs).max() <= TOLERANCE
    assert theirs.std() > 0.02, "cosines all alike could not tell right from wrong"
    assert embedder.model.family == ("siglip" if sigmoid else "clip")
    assert embedder.model.logit_bias == (-10.0 if sigmoid else 0.0)
    assert embedder.model.logit_scale == pytest.approx(network.logit_scale.exp().item())
    assert embedder.model.preprocessing.startswith("openclip-")


def test_texts_are_counted_and_cut_as_open_clip_does(tmp_path: Path) -> None:
    embedder = load(build_tiny_open_clip(tmp_path / "tiny"))
    found = embedder.embed_texts(["", "cat", "cat " * 75, "cat " * 76])
    assert found.token_counts.tolist() == [2, 3, 77, 78]
    assert found.is_truncated.tolist() == [False, False, False, True]
    np.testing.assert_array_equal(found.vectors[2], found.vectors[3])


def test_a_pickle_needs_the_user_s_word_and_gives_the_same_vectors(tmp_path: Path) -> None:
    plain = load(build_tiny_open_clip(tmp_path / "a"))
    folder = build_tiny_open_clip(tmp_path / "b", pickled=True)
    with pytest.raises(ModelRefused, match=r"open_clip_pytorch_model\.bin is a pickle"):
        load(folder)
    pickled = load(folder, allow_pickle=True)
    np.testing.assert_array_equal(
        pickled.embed_texts(PROMPTS).vectors, plain.embed_texts(PROMPTS).vectors
    )


def test_the_root_logger_is_left_as_it_was(tmp_path: Path) -> None:
    import logging  # noqa: PLC0415

    before = logging.getLogger().level
    load(build_tiny_open_clip(tmp_path / "a"))
    assert logging.getLogger().level == before


@pytest.mark.parametrize(
    "edit",
    [
        lambda tensors: tensors.pop("text_projection"),
        lambda tensors: tensors.update(head=torch.zeros(3)),
        lambda tensors: tensors.update(text_projection=torch.zeros(3, 3)),
        lambda tensors: tensors["positional_embedding"].fill_(torch.nan),
    ],
    ids=["lacking", "besides", "of another shape", "not a number"],
)
def test_weights_that_are_not_wholly_the_network_s_are_refused(
    tmp_path: Path, edit: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    folder = build_tiny_open_clip(tmp_path / "tiny")
    tensors = load_file(folder / "open_clip_model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "open_clip_model.safetensors")
    with pytest.raises(ModelRefused):
        load(folder)


def test_a_network_that_open_clip_cannot_make_is_refused(tmp_path: Path) -> None:
    folder = build_tiny_open_clip(tmp_path / "tiny")
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text())
    config["model_cfg"]["vision_cfg"]["width"] = "wide"
    path.write_text(json.dumps(config))
    with pytest.raises(ModelRefused, match="open_clip cannot make it"):
        load(folder)
