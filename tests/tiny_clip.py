"""A real CLIP checkpoint on disk, a thousand times smaller: random weights, made in a second.

`python tests/tiny_clip.py FOLDER` makes one to play with; tests call `build_tiny_clip`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

MERGES = [("a", "t</w>"), ("c", "at</w>"), ("d", "o"), ("do", "g</w>"), ("r", "e"), ("re", "d</w>")]
"""A few joined letters, so that the tokenizer has something to do; all else is bytes."""


def build_tiny_clip(
    folder: Path,
    *,
    seed: int = 0,
    side_px: int = 32,
    dimension: int = 16,
    legacy_eos: bool = False,
    pickled: bool = False,
) -> Path:
    """Write a CLIP checkpoint in transformers' format, under 1 MB, and return `folder`.

    `legacy_eos` writes `eos_token_id: 2` as OpenAI's checkpoints do; `pickled` writes
    pytorch_model.bin instead of model.safetensors. The same arguments give the same weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocab = build_vocab()
    write_model(folder, build_network(vocab, seed, side_px, dimension, legacy_eos), pickled)
    tokenizer = CLIPTokenizer(vocab=vocab, merges=list(MERGES), model_max_length=77)
    tokenizer.save_pretrained(folder)
    write_preprocessor(folder, side_px)
    return folder


def build_vocab() -> dict[str, int]:
    """CLIP's vocabulary without most of its merges: bytes, bytes that end a word, two markers."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), *("".join(m) for m in MERGES)]
    return {word: index for index, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}


def build_network(
    vocab: dict[str, int], seed: int, side_px: int, dimension: int, legacy_eos: bool
) -> CLIPModel:
    tower = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": dimension,
        # Larger than a training would start with, so that inputs make a visible difference.
        "initializer_factor": 8.0,
    }
    config = CLIPConfig(
        text_config={
            **tower,
            "vocab_size": len(vocab),
            "max_position_embeddings": 77,
            "bos_token_id": vocab["<|startoftext|>"],
            "eos_token_id": 2 if legacy_eos else vocab["<|endoftext|>"],
            "pad_token_id": vocab["<|endoftext|>"],
        },
        vision_config={**tower, "image_size": side_px, "patch_size": side_px // 4},
        projection_dim=dimension,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIPModel(config)


def write_model(folder: Path, network: CLIPModel, pickled: bool) -> None:
    network.save_pretrained(folder)
    if pickled:
        (folder / "model.safetensors").unlink()
        torch.save(network.state_dict(), folder / "pytorch_model.bin")


def write_preprocessor(folder: Path, side_px: int) -> None:
    """CLIP's settings in the words of OpenAI's checkpoints."""
    settings = {
        "crop_size": side_px,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        "size": side_px,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=2))


if __name__ == "__main__":
    build_tiny_clip(Path(sys.argv[1]))
