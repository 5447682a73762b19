"""The default model's true architecture against transformers: 1.7 GB on disk, minutes of CPU.

Not part of the ordinary run; `python -m pytest tests/sweep_scorer.py` runs it. The weights are
random, as the trained ones cannot be shipped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from clipstore.model.embed import ClipEmbedder
from tests.test_embed import PROMPTS, cosines_of, cosines_of_transformers, load, prepare_all
from tests.tiny_clip import MERGES, build_vocab, write_model, write_preprocessor

VOCABULARY_SIZE = 49_408


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """openai/clip-vit-large-patch14-336 with random weights, pickled and with its legacy end id."""
    folder = tmp_path_factory.mktemp("clip") / "large-336"
    folder.mkdir()
    config = CLIPConfig(
        text_config={
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "projection_dim": 768,
            "vocab_size": VOCABULARY_SIZE,
            "eos_token_id": 2,
        },
        vision_config={
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "projection_dim": 768,
            "image_size": 336,
            "patch_size": 14,
        },
        projection_dim=768,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        write_model(folder, CLIPModel(config), pickled=True)
    words = list(build_vocab())
    filler = [f"filler{index}" for index in range(VOCABULARY_SIZE - len(words))]
    vocab = {word: index for index, word in enumerate([*words[:-2], *filler, *words[-2:]])}
    CLIPTokenizer(vocab=vocab, merges=list(MERGES), model_max_length=77).save_pretrained(folder)
    write_preprocessor(folder, 336)
    return folder


@pytest.fixture(scope="module")
def embedder(folder: Path) -> ClipEmbedder:
    return load(folder, allow_pickle=True)


def pictures() -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(1)
    shapes = [(1024, 1024), (335, 512), (900, 337), (64, 64)]
    tints = random.integers(0, 180, (len(shapes), 3))
    return [
        (tint + random.integers(0, 76, (*shape, 3))).astype(np.uint8)
        for shape, tint in zip(shapes, tints, strict=True)
    ]


def test_cosines_are_those_of_transformers(folder: Path, embedder: ClipEmbedder) -> None:
    ours = cosines_of(embedder, pictures(), PROMPTS[::3])
    theirs = cosines_of_transformers(folder, pictures(), PROMPTS[::3])
    assert np.abs(ours - theirs).max() <= 1e-5
    assert theirs.std() > 0.01


def test_a_vector_does_not_depend_on_its_neighbours(embedder: ClipEmbedder) -> None:
    prepared = prepare_all(embedder, pictures())
    together = embedder.embed_images(prepared)
    backwards = embedder.embed_images(prepared[::-1].copy())[::-1]
    alone = embedder.embed_images(prepared[1:2])
    np.testing.assert_array_equal(together, backwards)
    np.testing.assert_array_equal(together[1:2], alone)
