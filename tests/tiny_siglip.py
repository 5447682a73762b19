"""Real SigLIP checkpoints on disk, a thousand times smaller: random weights, own tokenizers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import sentencepiece
import torch
from transformers import GemmaTokenizer, SiglipConfig, SiglipModel

CORPUS = [
    "a red cat on a table",
    "two blue dogs and one green bird beside the lake",
    "a photo of the old man and the sea, in the rain",
    "don't panic: it is only a test!",
    "left of the square stands a circle",
    "naïve café",
]
TOKENS = 64
PIECES = 90


def build_tiny_siglip(folder: Path, *, version: int = 1, seed: int = 0, side_px: int = 32) -> Path:
    """Write a SigLIP checkpoint in transformers' format, and return `folder`.

    `version` 1 has SentencePiece's tokenizer and resizes bicubically, as google/siglip-*; 2 has
    Gemma's kind of tokenizer and resizes bilinearly, as google/siglip2-* of one resolution.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_pieces(folder) if version == 1 else _write_gemma_tokenizer(folder)
    _build_network(vocabulary, seed, side_px).save_pretrained(folder)
    settings = {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "do_convert_rgb": None,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor",
        "processor_class": "SiglipProcessor",
        "resample": 3 if version == 1 else 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": side_px, "width": side_px},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=2))
    return folder


def _build_network(vocabulary_size: int, seed: int, side_px: int) -> SiglipModel:
    tower = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    config = SiglipConfig(
        text_config={**tower, "vocab_size": vocabulary_size, "max_position_embeddings": TOKENS},
        vision_config={**tower, "image_size": side_px, "patch_size": side_px // 4},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SiglipModel(config)
        with torch.no_grad():
            # Larger than a training would start with, so that inputs make a visible difference.
            for name, weights in network.named_parameters():
                if "embedding" in name:
                    weights.mul_(8)
            network.logit_scale.fill_(4.7)
            network.logit_bias.fill_(-12.9)
    return network


def _write_pieces(folder: Path) -> int:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 20),
        model_writer=model,
        vocab_size=PIECES,
        model_type="unigram",
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(model.getvalue())
    settings = {
        "tokenizer_class": "SiglipTokenizer",
        "model_max_length": TOKENS,
        "do_lower_case": True,
        "eos_token": "</s>",
        "pad_token": "</s>",
        "unk_token": "<unk>",
        "additional_special_tokens": [],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).get_piece_size()


def _write_gemma_tokenizer(folder: Path) -> int:
    letters = sorted({*"".join(CORPUS), "▁"} - {" "})
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{b:02X}>" for b in range(256))]
    merges = [("c", "a"), ("ca", "t"), ("r", "e"), ("re", "d"), ("d", "o")]
    words += [*letters, *("".join(pair) for pair in merges)]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(words))}
    # As on the hub: a tokenizer of Gemma, which itself keeps capital letters.
    tokenizer = GemmaTokenizer(
        vocab=vocabulary,
        merges=merges,
        add_bos_token=False,
        add_eos_token=True,
        padding_side="right",
        model_max_length=TOKENS,
    )
    tokenizer.save_pretrained(folder)
    return len(vocabulary)
