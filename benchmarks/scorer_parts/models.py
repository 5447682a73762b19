"""Checkpoints of CLIP's true architectures with random weights, made offline.

Invariant: one set of weights per architecture, in transformers' format and in open_clip's, with
one tokenizer that both read alike, so that all contestants compute the same numbers. Random
weights cost the same arithmetic as trained ones. Their cosines are made positive, since peers cut
off at 0.
"""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import string
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

VOCABULARY_SIZE = 49_408
N_MERGES = VOCABULARY_SIZE - 2 * 256 - 2
LEGACY_END = 2
"""What OpenAI's checkpoints state as end id; both towers must pool right in spite of it."""
SHARED_PART = 0.65
"""Length of the part that all picture and text features share, by that of the rest of a feature:
gives cosines like trained ones, 0.65² / (1 + 0.65²) = 0.30."""
INITIALIZER_FACTOR = 2.0
"""Twice a training's first weights: pictures then differ in cosine by more than rounding."""
SEED = 20_261_124


@dataclass(frozen=True)
class Architecture:
    """The sizes of one published CLIP."""

    name: str
    open_clip_name: str
    side_px: int
    patch_px: int
    width: int
    layers: int
    text_width: int
    dimension: int
    """Of the space that pictures and texts share."""

    @property
    def image_tokens(self) -> int:
        return int((self.side_px // self.patch_px) ** 2 + 1)

    @property
    def flops_per_picture(self) -> float:
        """Floating point operations of the image tower, two per multiply-add."""
        tokens, width = self.image_tokens, self.width
        products = 12 * tokens * width**2  # four projections of attention, two of the MLP
        attention = 2 * tokens**2 * width
        patches = (tokens - 1) * 3 * self.patch_px**2 * width
        return 2.0 * (self.layers * (products + attention) + patches)

    @property
    def weight_bytes(self) -> float:
        """The image tower's weights in float32: read once per batch."""
        return 4.0 * (12 * self.layers * self.width**2 + 3 * self.patch_px**2 * self.width)


ARCHITECTURES = {
    each.name: each
    for each in (
        Architecture("ViT-B-32", "ViT-B-32-quickgelu", 224, 32, 768, 12, 512, 512),
        Architecture("ViT-L-14-336", "ViT-L-14-336-quickgelu", 336, 14, 1024, 24, 768, 768),
    )
}


@dataclass(frozen=True)
class Checkpoint:
    """One architecture's files."""

    architecture: Architecture
    folder: Path
    """transformers' format. Its path has "openai" in it, or torchmetrics refuses it."""

    @property
    def open_clip_weights(self) -> Path:
        return self.folder / "open_clip" / "model.safetensors"

    @property
    def merges(self) -> Path:
        """The tokenizer's merges as open_clip reads them."""
        return self.folder / "open_clip" / "bpe.txt.gz"


def make_checkpoint(architecture: Architecture, models: Path) -> Checkpoint:
    """The checkpoint under `models`; made on the first call, about 4 bytes per weight twice."""
    checkpoint = Checkpoint(architecture, models / "openai" / architecture.name)
    done = checkpoint.folder / "done"
    if done.exists():
        return checkpoint
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    checkpoint.open_clip_weights.parent.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(SEED)
        network = CLIPModel(architecture_to_config(architecture)).eval()
        _share_a_direction(network)
        network.save_pretrained(checkpoint.folder)
        save_file(to_open_clip(network.state_dict()), checkpoint.open_clip_weights)
    _write_tokenizer(checkpoint)
    _write_preprocessor(checkpoint.folder, architecture.side_px)
    done.touch()
    return checkpoint


def to_open_clip(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """transformers' names and shapes of CLIP's weights to open_clip's."""
    renamed = {
        "logit_scale": tensors["logit_scale"],
        "visual.class_embedding": tensors["vision_model.embeddings.class_embedding"],
        "visual.conv1.weight": tensors["vision_model.embeddings.patch_embedding.weight"],
        "visual.positional_embedding": tensors["vision_model.embeddings.position_embedding.weight"],
        "visual.proj": tensors["visual_projection.weight"].T,
        "token_embedding.weight": tensors["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": tensors["text_model.embeddings.position_embedding.weight"],
        "text_projection": tensors["text_projection.weight"].T,
    }
    norms = {
        "vision_model.pre_layrnorm": "visual.ln_pre",
        "vision_model.post_layernorm": "visual.ln_post",
        "text_model.final_layer_norm": "ln_final",
    }
    parts = {
        "self_attn.out_proj": "attn.out_proj",
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
    }
    for tower, target in (("vision_model", "visual.transformer"), ("text_model", "transformer")):
        layers = {name.split(".")[3] for name in tensors if name.startswith(f"{tower}.encoder.")}
        for layer in layers:
            old, new = f"{tower}.encoder.layers.{layer}", f"{target}.resblocks.{layer}"
            norms |= {f"{old}.{part}": f"{new}.{name}" for part, name in parts.items()}
            for kind in ("weight", "bias"):
                renamed[f"{new}.attn.in_proj_{kind}"] = torch.cat(
                    [tensors[f"{old}.self_attn.{which}_proj.{kind}"] for which in "qkv"]
                )
    for old, new in norms.items():
        for kind in ("weight", "bias"):
            renamed[f"{new}.{kind}"] = tensors[f"{old}.{kind}"]
    return {name: tensor.clone().contiguous() for name, tensor in renamed.items()}


def architecture_to_config(architecture: Architecture) -> CLIPConfig:
    """transformers' settings of such a model."""

    def tower(width: int, layers: int) -> dict[str, object]:
        return {
            "hidden_size": width,
            "intermediate_size": 4 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": width // 64,
            "projection_dim": architecture.dimension,
            "initializer_factor": INITIALIZER_FACTOR,
        }

    return CLIPConfig(
        text_config={
            **tower(architecture.text_width, 12),
            "vocab_size": VOCABULARY_SIZE,
            "max_position_embeddings": 77,
            "eos_token_id": LEGACY_END,
        },
        vision_config={
            **tower(architecture.width, architecture.layers),
            "image_size": architecture.side_px,
            "patch_size": architecture.patch_px,
        },
        projection_dim=architecture.dimension,
    )


def _share_a_direction(network: CLIPModel) -> None:
    """Give every feature a part along one direction, through the biases of the last norms."""
    direction = torch.nn.functional.normalize(torch.randn(network.projection_dim), dim=0)
    for projection, norm in (
        (network.visual_projection, network.vision_model.post_layernorm),
        (network.text_projection, network.text_model.final_layer_norm),
    ):
        # The norm's output has entries of variance 1: a feature is as long as the matrix.
        wanted = SHARED_PART * projection.weight.norm() * direction  # (dimension,)
        norm.bias.copy_(torch.linalg.lstsq(projection.weight, wanted[:, None]).solution[:, 0])


def _write_tokenizer(checkpoint: Checkpoint) -> None:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())  # CLIP's order: printable ones first
    merges = list(itertools.islice(_letter_merges(), N_MERGES))
    words = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    folder = checkpoint.folder
    CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77).save_pretrained(folder)
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    with gzip.open(checkpoint.merges, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines))


def _letter_merges() -> list[tuple[str, str]]:
    """Pairs, triples and quadruples of small letters, inside a word and at its end."""
    pairs = list(itertools.product(string.ascii_lowercase, repeat=2))
    triples = [("".join(pair), third) for pair in pairs for third in string.ascii_lowercase]
    quadruples = [("".join(triple), "e") for triple in triples]

    def ending(merges: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(left, right + "</w>") for left, right in merges]

    return [
        *pairs,
        *ending(pairs),
        *triples,
        *ending(triples),
        *quadruples,
    ]


def _write_preprocessor(folder: Path, side_px: int) -> None:
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
