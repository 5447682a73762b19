"""SigLIP's vectors against transformers' own model and processor, on small real checkpoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import Siglip2Tokenizer, SiglipModel, SiglipProcessor, SiglipTokenizer
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from clipstore.errors import ModelRefused
from clipstore.model import siglip
from clipstore.model.embed import ClipEmbedder
from tests.test_embed import PROMPTS, TOLERANCE, cosines_of, edit_config, load, pictures
from tests.tiny_siglip import build_tiny_siglip

VERSIONS = [1, 2]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    root = tmp_path_factory.mktemp("siglip")
    return {v: build_tiny_siglip(root / f"tiny-{v}", version=v) for v in VERSIONS}


@pytest.fixture(scope="module")
def embedders(folders: dict[int, Path]) -> dict[int, ClipEmbedder]:
    return {version: load(folder) for version, folder in folders.items()}


def outputs_of_transformers(
    folder: Path, version: int, rgbs: Sequence[NDArray[np.uint8]], texts: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The plain computation, one picture and one text at a time, padded as the model was trained:
    cosines and probabilities, both (n_images, n_texts)."""
    network = SiglipModel.from_pretrained(folder, local_files_only=True).eval()
    kind = SiglipTokenizer if version == 1 else Siglip2Tokenizer
    processor = SiglipProcessor(
        SiglipImageProcessorPil.from_pretrained(folder, local_files_only=True),
        kind.from_pretrained(folder, local_files_only=True),
    )
    padded = {"padding": "max_length", "max_length": 64, "truncation": True}
    tokens = [processor(text=[text], return_tensors="pt", **padded)["input_ids"] for text in texts]
    pixels = [processor(images=[Image.fromarray(rgb)], return_tensors="pt") for rgb in rgbs]
    with torch.no_grad():
        images = torch.cat([network(input_ids=tokens[0], **p).image_embeds for p in pixels])
        words = torch.cat([network(input_ids=t, **pixels[0]).text_embeds for t in tokens])
        logits = [
            network(input_ids=torch.cat(tokens), **one).logits_per_image  # (1, n_texts)
            for one in pixels
        ]
    return (images @ words.T).numpy(), torch.sigmoid(torch.cat(logits)).numpy()


@pytest.mark.parametrize("version", VERSIONS)
def test_cosines_and_probabilities_are_those_of_transformers(
    folders: dict[int, Path], embedders: dict[int, ClipEmbedder], version: int
) -> None:
    embedder = embedders[version]
    ours = cosines_of(embedder, pictures(), PROMPTS)
    cosines, probabilities = outputs_of_transformers(folders[version], version, pictures(), PROMPTS)
    assert np.abs(ours - cosines).max() <= TOLERANCE
    assert cosines.std(axis=0).max() > 0.005
    assert cosines.std(axis=1).max() > 0.01, "cosines all alike could not tell right from wrong"
    model = embedder.model
    sigmoid = 1 / (1 + np.exp(-(model.logit_scale * ours.astype(float) + model.logit_bias)))
    np.testing.assert_allclose(sigmoid, probabilities, rtol=5e-3, atol=1e-9)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_siglip_says_what_its_cosines_mean(
    embedders: dict[int, ClipEmbedder], version: int
) -> None:
    model = embedders[version].model
    assert model.family == "siglip"
    assert model.logit_bias == pytest.approx(-12.9)
    assert model.logit_scale == pytest.approx(np.exp(4.7), rel=1e-6)
    assert model.band is None
    assert model.preprocessing.startswith(
        ("pil-bicubic" if version == 1 else "pil-bilinear") + "-fixed32x32-center32-levels"
    )


def test_texts_are_read_in_lower_case_and_by_siglip_1_without_punctuation(
    embedders: dict[int, ClipEmbedder],
) -> None:
    texts = ["a red cat, on a table!", "A RED cat on  a table"]
    first, second = embedders[1].embed_texts(texts).vectors
    np.testing.assert_array_equal(first, second)
    first, second = embedders[2].embed_texts(["a red cat", "A Red CAT"]).vectors
    np.testing.assert_array_equal(first, second)
    first, second = embedders[2].embed_texts(["a red cat", "a red cat!"]).vectors
    assert np.abs(first - second).max() > 1e-4


@pytest.mark.parametrize("version", VERSIONS)
def test_texts_longer_than_64_tokens_are_counted_and_cut(
    embedders: dict[int, ClipEmbedder], version: int
) -> None:
    long, longer = "dog " * 200, "dog " * 200 + "cat"
    found = embedders[version].embed_texts(["a cat", long, longer])
    assert found.is_truncated.tolist() == [False, True, True]
    assert 2 <= found.token_counts[0] <= 64 < found.token_counts[1] < found.token_counts[2]
    np.testing.assert_array_equal(found.vectors[1], found.vectors[2])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_vector_does_not_depend_on_its_neighbours(
    embedders: dict[int, ClipEmbedder], version: int
) -> None:
    together = embedders[version].embed_texts(PROMPTS).vectors
    for row, text in enumerate(PROMPTS):
        np.testing.assert_array_equal(
            together[row], embedders[version].embed_texts([text]).vectors[0]
        )


class TestASiglipThatMustNotScore:
    @pytest.fixture
    def copy(self, folders: dict[int, Path], tmp_path: Path) -> Path:
        return Path(shutil.copytree(folders[1], tmp_path / "copy"))

    def refusal(self, folder: Path) -> str:
        with pytest.raises(ModelRefused) as caught:
            load(folder)
        return str(caught.value)

    def test_lacks_the_packages_of_its_tokenizer(
        self, copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(siglip, "_is_installed", lambda _module: False)
        told = self.refusal(copy)
        assert "sentencepiece and protobuf" in told
        assert "pip install 'clipstore[siglip]'" in told

    def test_has_a_picture_vector_for_every_patch(self, copy: Path) -> None:
        edit_config(copy, "vision_config", vision_use_head=False)
        assert "for every patch" in self.refusal(copy)

    def test_has_towers_of_two_spaces(self, copy: Path) -> None:
        edit_config(copy, "text_config", projection_size=8)
        assert "the text's 8" in self.refusal(copy)

    def test_has_a_tokenizer_larger_than_its_network(self, copy: Path) -> None:
        edit_config(copy, "text_config", vocab_size=20)
        assert "knows ids below 20" in self.refusal(copy)

    def test_asks_for_clip_s_pixels(self, copy: Path) -> None:
        path = copy / "preprocessor_config.json"
        settings = json.loads(path.read_text())
        path.write_text(json.dumps({**settings, "image_processor_type": "CLIPImageProcessor"}))
        assert "image_processor_type 'CLIPImageProcessor'" in self.refusal(copy)
