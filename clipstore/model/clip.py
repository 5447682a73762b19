"""CLIP checkpoints in transformers' format: what `CLIPModel` computes of their own files.

The text vector is read at the end token, so every text is cut in front of it, never behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import transformers
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from clipstore.model.checkpoint import (
    activation_bytes,
    count_patches,
    load_config,
    load_network,
    load_tokenizer,
)
from clipstore.model.modelsettings import TokenIds, check_token_ids
from clipstore.model.towers import Towers
from clipstore.model.weights import ModelFiles


class ClipImageTower(nn.Module):
    """`CLIPModel.get_image_features` without the text tower, so that it has its own dtype."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.vision = network.vision_model
        self.projection = network.visual_projection

    def forward(self, values: Tensor) -> Tensor:
        features: Tensor = self.projection(self.vision(pixel_values=values).pooler_output)
        return features


class ClipTextTower:
    """Satisfies `towers.TextTower`."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self._text = network.text_model
        self._projection = network.text_projection
        self._tokenizer = tokenizer
        self.max_tokens = int(
            min(network.config.text_config.max_position_embeddings, tokenizer.model_max_length)
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        whole = self._tokenizer(list(texts), verbose=False)["input_ids"] if texts else []
        return [len(ids) for ids in whole]

    def features(self, texts: Sequence[str], device: str) -> Tensor:
        tokens = self._tokenizer(
            list(texts),
            truncation=True,
            max_length=self.max_tokens,
            padding="max_length",
            return_tensors="pt",
        )
        output = self._text(
            input_ids=tokens["input_ids"].to(device),
            attention_mask=tokens["attention_mask"].to(device),
        )
        features: Tensor = self._projection(output.pooler_output)
        return features

    def to(self, device: str) -> None:
        self._text.to(device)
        self._projection.to(device)


def load_clip_towers(files: ModelFiles, side_px: int) -> Towers:
    """The towers for pictures of `side_px` pixels. Raises `ModelRefused`."""
    config = load_config(files, CLIPConfig)
    patches = count_patches(files.name, config.vision_config, side_px)
    tokenizer = load_tokenizer(files, CLIPTokenizer)
    check_token_ids(
        files.name,
        TokenIds(
            network_end=config.text_config.eos_token_id,
            network_size=config.text_config.vocab_size,
            end=tokenizer.eos_token_id,
            pad=tokenizer.pad_token_id,
            highest=max(tokenizer.get_vocab().values()),
        ),
    )
    network = load_network(files, config, CLIPModel)
    return Towers(
        family="clip",
        image=ClipImageTower(network),
        text=ClipTextTower(network, tokenizer),
        dimension=config.projection_dim,
        logit_scale=float(network.logit_scale.exp()),
        logit_bias=0.0,
        image_tokens=patches + 1,
        bytes_per_token=activation_bytes(config.vision_config),
        software=f"transformers {transformers.__version__}",
    )
