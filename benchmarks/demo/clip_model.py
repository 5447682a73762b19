"""The small CLIP: its shape, its tokenizer, and the pictures as it sees them.

Everything is written in the files transformers itself reads, so that any program that loads a
CLIP model by folder loads this one; nothing of the model lives outside that folder.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPModel

from benchmarks.demo.world import SIDE, Pixels

MEAN = (0.48, 0.45, 0.45)
STD = (0.31, 0.29, 0.29)
MAX_TOKENS = 32
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


def build_model(vocab_size: int) -> CLIPModel:
    """An untrained CLIP of about 1.1 M parameters; the end token is the last of the vocabulary."""
    common = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_attention_heads": 4,
        "hidden_act": "gelu",
        "projection_dim": 64,
    }
    config = CLIPConfig(
        text_config={
            **common,
            "num_hidden_layers": 3,
            "vocab_size": vocab_size,
            "max_position_embeddings": MAX_TOKENS,
            "bos_token_id": vocab_size - 2,
            "eos_token_id": vocab_size - 1,
            "pad_token_id": vocab_size - 1,
        },
        vision_config={**common, "num_hidden_layers": 4, "image_size": SIDE, "patch_size": 8},
        projection_dim=64,
        logit_scale_init_value=float(np.log(10.0)),
    )
    return CLIPModel(config)


def write_tokenizer(captions: Iterable[str], folder: Path) -> int:
    """Learns byte-pair merges on `captions`, writes CLIP's tokenizer files, returns the vocabulary.

    Words of the captions become single tokens; any other text falls back to characters.
    """
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=2000, min_frequency=2, end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in learned["merges"]]
    symbols = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    symbols += [merge.replace(" ", "") for merge in merges]
    vocab = {s: i for i, s in enumerate(dict.fromkeys([*symbols, BEGIN, END]))}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    lines = "\n".join(["#version: 0.2", *merges, ""])
    (folder / "merges.txt").write_text(lines, encoding="utf-8")
    special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": END}
    settings = {
        **special,
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": MAX_TOKENS,
        "do_lower_case": True,
        "errors": "replace",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1) + "\n", "utf-8")
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(MEAN),
        "image_std": list(STD),
    }
    (folder / "preprocessor_config.json").write_text(
        json.dumps(processor, indent=1) + "\n", "utf-8"
    )
    return len(vocab)


def normalize_pixels(pixels: torch.Tensor) -> torch.Tensor:
    """(n, 3, SIDE, SIDE) in 0..1 to what the vision tower takes."""
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    std = torch.tensor(STD).view(1, 3, 1, 1)
    return (pixels - mean) / std


def pixels_to_tensor(pictures: list[Pixels]) -> torch.Tensor:
    """Pictures (SIDE, SIDE, 3) uint8 to float (n, 3, SIDE, SIDE) in 0..1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
